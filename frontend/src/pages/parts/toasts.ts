import { html } from '../../domain/html';
import { icon } from '../../domain/markup';
import { fill, need } from './dom';

const SHOWN_MS = 6000;

/** Tells a fact ("Draft saved") for six seconds; errors that need action never come as a toast. */
export function toast(text: string): void {
  const item = document.createElement('div');
  item.className = 'toast';
  fill(item, html`${icon('check', 's')}<span>${text}</span>`);
  need('toasts').append(item);
  window.setTimeout(() => item.remove(), SHOWN_MS);
}
