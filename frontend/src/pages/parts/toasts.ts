import { html } from '../../domain/html';
import { glyph, type Level } from '../../domain/markup';
import { fill, need } from './dom';

const SHOWN_MS = 6000;

/** Tells a fact ("Draft saved") for six seconds. What was refused stays until it is clicked away. */
export function toast(text: string, level: Level = 'ok'): void {
  const item = document.createElement('div');
  item.className = 'toast';
  item.dataset.l = level;
  if (level === 'block') item.setAttribute('role', 'alert');
  fill(item, html`<span class="flag" data-l="${level}">${glyph(level)}</span><span>${text}</span>`);
  item.addEventListener('click', () => item.remove());
  need('toasts').append(item);
  if (level !== 'block') window.setTimeout(() => item.remove(), SHOWN_MS);
}
