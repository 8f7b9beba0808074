/** Networks that come with the program: what each knows, and whether this site lets it propose contours. */
import { getJson, postJson } from '../../api/client';
import { formatDate } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, placeholder } from '../../domain/markup';
import { askReason } from './dialogs';
import { fill, on } from './dom';
import type { Page } from './shell';
import { showError } from './states';
import { toast } from './toasts';

interface Decision { version: string; is_enabled: boolean; reason: string; by: string; at: string }
export interface NetworkRow { name: string; version: string; weights_sha256: string; label: string; regions: string[]; spacing_mm: number; training: string; is_enabled: boolean; decision: Decision | null }

const WORKS_ON: Record<string, string> = { lesions: 'SPECT or PET, with CT where there is one', totalsegmentator: 'CT alone' };

/** What the newest decision says of the weights that are installed now. */
export function decisionText({ decision, is_enabled, version }: NetworkRow): string {
  if (!decision) return 'Nobody has decided about it at this site.';
  const what = is_enabled ? 'Enabled' : decision.is_enabled ? `Version ${decision.version} was enabled; version ${version} needs a decision of its own. Then` : 'Disabled';
  return `${what} by ${decision.by}, ${formatDate(decision.at)}: ${decision.reason}`;
}

function card(row: NetworkRow, mayDecide: boolean): Html {
  const button = mayDecide ? html`<button type="button" class="btn ${row.is_enabled ? '' : 'primary'} push" data-network="${row.name}" data-enable="${String(!row.is_enabled)}">${row.is_enabled ? 'Disable' : 'Enable'}</button>` : nothing;
  return html`<div class="sect"><div class="row">${row.is_enabled ? flag('ok', 'Enabled') : flag('note', 'Not enabled')}<span class="strong">${row.name} ${row.version}</span><span class="t3 fs12 num" title="SHA-256 of the weights: ${row.weights_sha256}">${row.weights_sha256.slice(0, 8)}</span>${button}</div>
    <p class="t2 mt-1">${decisionText(row)}</p>
    <dl class="kv mt-2"><dt>Finds</dt><dd class="text">${row.regions.join(', ')}</dd><dt>Trained on</dt><dd class="text">${row.training}</dd><dt>Works on</dt><dd>${WORKS_ON[row.name] ?? 'CT, SPECT or PET'}, on voxels of ${row.spacing_mm} mm</dd></dl></div>`;
}

/** Shows the networks in `place`; the quality lead enables and disables them with a reason. */
export function startNetworks(page: Page, place: HTMLElement): Promise<void> {
  const url = `/api/sites/${page.siteId}/networks`;
  const mayDecide = page.isAllowed('enable_networks');

  function draw(rows: readonly NetworkRow[]): void {
    fill(place, rows.length ? html`${each(rows, (row) => card(row, mayDecide))}${mayDecide ? nothing : html`<p class="sect fs12 t3">The quality lead of this site decides.</p>`}`
      : placeholder({ icon: 'spark', title: 'No network is installed', text: 'Regions are drawn or imported.' }));
  }

  async function load(): Promise<void> {
    try { draw(await getJson<NetworkRow[]>(url)); } catch (error) { showError(place, error, () => void load()); }
  }

  on(place, 'click', '[data-network]', (button) => {
    const { network: name = '' } = button.dataset;
    const enable = button.dataset.enable === 'true';
    void askReason({
      title: `${enable ? 'Enable' : 'Disable'} ${name}`, action: enable ? 'Enable' : 'Disable',
      text: enable ? 'Contour editors can then let it propose contours. Say what was checked: on which patients, against whose contours.' : 'Nobody can let it propose contours any more; what was accepted stays. Say why.',
      submit: async (reason) => { draw(await postJson<NetworkRow[]>(url, { name, enable, reason })); },
    }).then((isDone) => { if (isDone) toast(enable ? `${name} is enabled` : `${name} is disabled`); });
  });
  return load();
}
