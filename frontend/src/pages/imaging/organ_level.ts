/** Dose of one region by S-values between the patient's own contours (MIRD). */
import { each, html, nothing, type Html } from '../../domain/html';
import { number } from '../../domain/markup';
import type { DoseRegion } from './dose_wire';

/** Sources that give less than this share of a region's dose are counted, not listed. */
const SHOWN_SHARE = 0.001;

/** Organ level: self dose, what each other source gives, and the sphere of a lesion. */
export function organLevelSection(row: DoseRegion): Html {
  const found = row.organ_level;
  if (!found) return nothing;
  const shown = found.cross.filter((item) => (item.dose?.value ?? 0) >= SHOWN_SHARE * (found.total?.value ?? 0));
  const nLeft = found.cross.length - shown.length;
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">Organ level</h2><span class="push t3 fs12">S-values between the contours</span></div><dl class="kv"><dt>Dose</dt><dd class="strong">${number(found.total)}</dd><dt>Own activity</dt><dd>${number(found.self)}</dd>
    ${each(shown, (item) => html`<dt>From ${item.source}</dt><dd>${number(item.dose)}</dd>`)}${nLeft > 0 ? html`<dt class="t3">${nLeft} more</dt><dd class="t3">below 0.1 % each</dd>` : nothing}
    ${found.sphere ? html`<dt>Sphere of this mass</dt><dd>${number(found.sphere)}</dd>` : nothing}</dl></div>`;
}
