import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { icon } from '../../domain/markup';

export interface Signature { meaning: string; printed_name: string; role?: string; at: string; reason?: string; version?: number; digest?: string }

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Signatures that were given, then the next one that is open. */
export function signatureList(signatures: readonly Signature[], next: string | null, who: readonly string[] = []): Html {
  return html`<ul class="signatures">${each(signatures, (item) => html`<li title="${item.reason ?? ''} ${item.digest ? `digest ${item.digest.slice(0, 12)}` : ''}">${icon(item.meaning === 'returned' || item.meaning === 'withdrawn' ? 'undo' : 'check', 's')}<span>${capital(item.meaning)}${item.version ? html` <span class="t3">v${item.version}</span>` : nothing}</span><span class="t2 ell">${item.printed_name}</span><span class="t3">${formatShort(item.at)}</span></li>`)}
    ${next ? html`<li class="open"><i></i><span>${capital(next)}</span><span class="t2 ell" title="${who.join(', ')}">${who.slice(0, 2).join(', ') || 'nobody may sign'}</span><span class="t3">open</span></li>` : nothing}</ul>`;
}
