/** What stands beside a region's curve: the next scan that helps most, one-scan methods, single scans left out. */
import { smallLines } from '../../charts/small_lines';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, number, unit } from '../../domain/markup';
import { formatNumber, type MaybeQuantity } from '../../domain/quantity';

export interface NextScan { current: MaybeQuantity; wanted: MaybeQuantity; is_enough: boolean; best_time: MaybeQuantity; best: MaybeQuantity; times_h: number[]; expected_percent: number[] }
export interface OneScan { time: MaybeQuantity; half_lives_h: number[]; methods: { method: string; label: string; tia: MaybeQuantity; tiac: MaybeQuantity; errors_percent: number[] }[] }
export interface LeftOut { model: string; standardised_residuals: number[]; maximum_integral_change: number }

export function nextScanSection(advice: NextScan | null | undefined): Html {
  if (!advice) return nothing;
  const verdict = advice.is_enough
    ? flag('ok', `Enough: ${formatNumber(advice.current?.value)} % now, ${formatNumber(advice.wanted?.value)} % wanted`)
    : flag('ask', `Not enough: ${formatNumber(advice.current?.value)} % now, ${formatNumber(advice.wanted?.value)} % wanted`);
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">Next scan</h2><span class="push t3 fs12">expected uncertainty of TIA</span></div><p class="mb-2">${verdict}</p>
    ${smallLines({ label: 'Expected uncertainty of TIA against the time of one more scan', x: advice.times_h, lines: [{ name: 'expected', values: advice.expected_percent }], xUnit: 'h', yUnit: '%', ...(advice.best_time ? { mark: advice.best_time.value } : {}), ...(advice.wanted ? { level: advice.wanted.value } : {}) })}
    <p class="fs12 t2">One more scan at ${formatNumber(advice.best_time?.value)} ${unit('h')} helps most: ${formatNumber(advice.best?.value)} %.</p></div>`;
}

export function oneScanSection(found: OneScan | null | undefined): Html {
  if (!found) return nothing;
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">One-scan methods</h2><span class="push t3 fs12">scan at ${formatNumber(found.time?.value)} h</span></div>
    <dl class="kv">${each(found.methods, (item) => html`<dt>${item.label}</dt><dd>${number(item.tia)}</dd>`)}</dl>
    ${smallLines({ label: 'Error of each method against the half-life that the patient may have', x: found.half_lives_h, lines: found.methods.map((item, i) => ({ name: item.label, values: item.errors_percent, isDashed: i > 0 })), xUnit: 'h', yUnit: '%', level: 0 })}
    <p class="fs12 t3">Error if the patient's effective half-life were that of the axis; ${each(found.methods, (item, i) => html`${i > 0 ? ', ' : ''}${item.label} ${i > 0 ? 'dashed' : 'solid'}`)}. Uptake is ignored.</p></div>`;
}

export function leftOutLine(found: LeftOut | null | undefined): Html {
  if (!found || found.standardised_residuals.length === 0) return nothing;
  const worst = Math.max(...found.standardised_residuals.map(Math.abs));
  return html`<p class="fs12 t3 mt-2">Each scan predicted from the others: at most ${formatNumber(worst, 2)} u off; TIA changes by up to ${formatNumber(100 * found.maximum_integral_change, 2)} % without one.</p>`;
}
