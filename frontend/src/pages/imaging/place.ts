/** Puts a viewer into a page, or says why there are no images and what to do. */
import { html, type Html } from '../../domain/html';
import { placeholder } from '../../domain/markup';
import type { LayoutName } from '../../viewer/presets';
import { Viewer } from '../../viewer/viewer';
import { fill, need } from '../parts/dom';
import { errorText } from '../parts/states';

/** The viewer of a page; null, with the reason in its place, where images cannot be drawn. */
export function startViewer(layout: LayoutName): Viewer | null {
  const root = need('viewer');
  root.tabIndex = 0;
  root.setAttribute('aria-label', 'Images');
  try {
    return new Viewer(root, layout);
  } catch (error) {
    showNote(placeholder({ level: 'block', title: 'Images cannot be shown', text: errorText(error) }));
    return null;
  }
}

/** Covers the panes with a note: an empty state or an error, never an old image. */
export function showNote(note: Html | null): void {
  const root = need('viewer');
  let cover = root.parentElement?.querySelector<HTMLElement>('.viewer-note');
  if (!note) { cover?.remove(); return; }
  if (!cover) {
    cover = document.createElement('div');
    cover.className = 'viewer-note';
    root.after(cover);
  }
  fill(cover, html`${note}`);
  place(cover, root);
}

function place(cover: HTMLElement, root: HTMLElement): void {
  cover.style.gridArea = getComputedStyle(root).gridArea;
  const parent = root.parentElement;
  if (!parent) return;
  parent.style.position = 'relative';
  const measure = (): void => {
    Object.assign(cover.style, { position: 'absolute', left: `${root.offsetLeft}px`, top: `${root.offsetTop}px`, width: `${root.offsetWidth}px`, height: `${root.offsetHeight}px` });
  };
  measure();
  new ResizeObserver(measure).observe(root);
}

export const hintLine = (hints: readonly (readonly [keys: string, label: string])[]): Html =>
  html`${hints.map(([keys, label]) => html`<span>${[...keys.split(' ')].map((key) => html`<kbd class="kbd">${key}</kbd>`)}${label}</span>`)}`;
