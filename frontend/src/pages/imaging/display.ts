/** Windows and thresholds as numbers with units, beside the mouse; and the switches of the pictures. */
import { html, nothing, type Html } from '../../domain/html';
import { kbd } from '../../domain/markup';
import { CT_PRESETS, windowOf } from '../../viewer/presets';
import type { ViewState } from '../../viewer/state';
import type { Viewer } from '../../viewer/viewer';
import { fill, on } from '../parts/dom';

const THOUSAND = 1000;

interface Row { label: string; unit: string; fields: readonly { name: string; aria: string; value: number }[]; key?: string }

const decimals = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2));

function rows(state: Readonly<ViewState>, facts: { hasCt: boolean; hasDose: boolean; modality: string }): Row[] {
  const { ctWindow: ct, emissionWindow: em, doseWindow: dose } = state;
  const list: Row[] = [];
  if (facts.hasCt) list.push({ label: 'CT window', unit: 'HU', fields: [{ name: 'ct-width', aria: 'CT window width, HU', value: ct.upper - ct.lower }, { name: 'ct-level', aria: 'CT window level, HU', value: (ct.upper + ct.lower) / 2 }] });
  list.push({ label: `${facts.modality} window`, unit: 'kBq/mL', fields: [{ name: 'em-lower', aria: 'Lower end, kBq/mL', value: em.lower / THOUSAND }, { name: 'em-upper', aria: 'Upper end, kBq/mL', value: em.upper / THOUSAND }] });
  if (facts.hasCt) list.push({ label: 'Shown above', unit: 'kBq/mL', fields: [{ name: 'em-threshold', aria: 'Shown above, kBq/mL', value: state.emissionThreshold / THOUSAND }] });
  if (facts.hasDose) {
    list.push({ label: 'Dose window', unit: 'Gy', fields: [{ name: 'dose-lower', aria: 'Lower end, Gy', value: dose.lower / THOUSAND }, { name: 'dose-upper', aria: 'Upper end, Gy', value: dose.upper / THOUSAND }] });
    list.push({ label: 'Dose shown above', unit: 'Gy', fields: [{ name: 'dose-threshold', aria: 'Dose shown above, Gy', value: state.doseThreshold / THOUSAND }] });
  }
  return list;
}

function rowHtml(row: Row): Html {
  const fields = row.fields.map((field) => html`<span class="field mini"><input type="number" step="any" name="${field.name}" aria-label="${field.aria}" value="${decimals(field.value)}"></span>`);
  return html`<dt>${row.label}</dt><dd>${fields} <span class="unit">${row.unit}</span></dd>`;
}

export class DisplayPanel {
  constructor(private readonly place: HTMLElement, private readonly viewer: Viewer) {
    on(place, 'change', 'input[type="number"]', (field) => this.read(field as HTMLInputElement));
    on(place, 'input', '[name="opacity"]', (field) => viewer.state.set({ opacity: Number((field as HTMLInputElement).value) / 100 }));
    on(place, 'change', '[data-switch]', (box) => viewer.state.set({ [box.dataset.switch ?? '']: (box as HTMLInputElement).checked } as Partial<ViewState>));
    on(place, 'change', 'select[name="preset"]', (select) => {
      const preset = CT_PRESETS[Number((select as HTMLSelectElement).value)];
      if (preset) viewer.state.set({ ctWindow: windowOf(preset) });
    });
    viewer.state.watch(({ ctWindow, emissionWindow, emissionThreshold, doseWindow, doseThreshold, isFusionOn, areOutlinesOn, isWashOn, isIsodoseOn, isCrosshairOn }) =>
      JSON.stringify([ctWindow, emissionWindow, emissionThreshold, doseWindow, doseThreshold, isFusionOn, areOutlinesOn, isWashOn, isIsodoseOn, isCrosshairOn]), () => this.draw());
  }

  draw(): void {
    if (this.place.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement && document.activeElement.type === 'range') return;
    const state = this.viewer.state.get();
    const scan = this.viewer.scans[this.viewer.main];
    if (!scan) { fill(this.place, nothing); return; }
    const box = (name: keyof ViewState, label: string, key: string): Html =>
      html`<label class="row"><input type="checkbox" data-switch="${name}" ${state[name] === true ? html`checked` : nothing}> ${label} ${kbd(key)}</label>`;
    fill(this.place, html`<h2 class="h2">Display</h2><div class="switches">${box('areOutlinesOn', 'Outlines', 'O')}${scan.ct ? box('isFusionOn', 'Fusion', 'F') : nothing}${scan.dose ? html`${box('isWashOn', 'Wash', 'G')}${box('isIsodoseOn', 'Isodose', 'S')}` : nothing}</div>
      <dl class="kv display-rows">${rows(state, { hasCt: scan.ct !== null, hasDose: scan.dose !== null, modality: scan.modality }).map(rowHtml)}
      ${scan.ct ? html`<dt>Opacity</dt><dd><input type="range" name="opacity" min="0" max="100" value="${Math.round(state.opacity * 100)}" aria-label="Opacity of the fusion, percent"></dd>` : nothing}</dl>`);
  }

  private read(field: HTMLInputElement): void {
    const value = Number(field.value);
    if (!Number.isFinite(value) || field.value === '') { this.draw(); return; }
    const { ctWindow, emissionWindow, doseWindow } = this.viewer.state.get();
    const width = ctWindow.upper - ctWindow.lower;
    const level = (ctWindow.upper + ctWindow.lower) / 2;
    const set = (patch: Partial<ViewState>): void => this.viewer.state.set(patch);
    const raw = value * THOUSAND;
    switch (field.name) {
      case 'ct-width': if (value > 0) set({ ctWindow: windowOf({ width: value, level }) }); break;
      case 'ct-level': set({ ctWindow: windowOf({ width, level: value }) }); break;
      case 'em-lower': if (raw < emissionWindow.upper) set({ emissionWindow: { ...emissionWindow, lower: raw } }); break;
      case 'em-upper': if (raw > emissionWindow.lower) set({ emissionWindow: { ...emissionWindow, upper: raw } }); break;
      case 'em-threshold': if (raw >= 0) set({ emissionThreshold: raw }); break;
      case 'dose-lower': if (raw < doseWindow.upper) set({ doseWindow: { ...doseWindow, lower: raw } }); break;
      case 'dose-upper': if (raw > doseWindow.lower) set({ doseWindow: { ...doseWindow, upper: raw } }); break;
      default: if (raw >= 0) set({ doseThreshold: raw });
    }
    this.draw();
  }
}
