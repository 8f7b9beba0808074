import { html, each } from '../domain/html';
import { fill, need } from './parts/dom';
import { keyList, type KeyBinding } from './parts/keys';
import { startPage } from './parts/shell';

const ALL: Record<string, readonly (readonly [string, string])[]> = {
  Everywhere: [['?', 'list of keys'], ['Tab', 'next control'], ['Escape', 'close, cancel']],
  Worklist: [['ArrowUp ArrowDown', 'row before, next row'], ['Enter', 'open the next step'], ['/', 'search']],
  'Image panes': [
    ['ArrowUp ArrowDown', 'slice by one'], ['PgUp PgDn', 'slice by ten'], ['Home End', 'first, last slice'], ['1 2 3 4 5', 'CT window presets'],
    ['F', 'fusion'], ['G', 'dose wash'], ['S', 'isodose lines'], ['C', 'crosshair'], ['L', 'window tool'], ['Z', 'zoom tool'], ['M', 'ruler'], ['I', 'invert'], ['R', 'reset, or swap the registered pair'],
  ],
  Contours: [['A', 'accept region'], ['X', 'reject region'], ['V', 'reopen a rejected region'], ['Y', 'difference from the original proposal'], ['B', 'brush'], ['E', 'erase'], ['T', 'threshold brush'], ['D', 'draw an outline'], ['K', 'scissors'], ['H', 'fill a hole'], ['J', 'place a sphere'], ['Q', 'measure an area'], ['[ ]', 'brush size'], [', .', 'region before, next region'], ['N P', 'time point'], ['O', 'outlines']],
  Kinetics: [[', .', 'region before, next region'], ['L', 'log or linear'], ['A', 'accept curve']],
  Course: [['ArrowLeft ArrowRight', 'point before, next point'], ['Enter', 'open its step']],
};

const page = startPage();
const bindings = Object.entries(ALL).flatMap(([group, rows]) => rows.map(([keys, label]): KeyBinding => ({ keys: keys.split(' '), label, group })));
fill(need('content'), html`${each([0], () => keyList(bindings))}`);
page.ready();
