/** What a phantom measurement found: numbers, centres, the fit and its picture. */
import { fitPlot, type Fitted, type Measured } from '../../charts/fit_plot';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag } from '../../domain/markup';
import { formatNumber, formatPlain } from '../../domain/quantity';

export type Centre = readonly number[];
export interface Result {
  imaged_kev?: number | null; /** That it holds for alone, where projections were reconstructed. */ reconstruction?: string; calibration_cps_per_mbq?: number; standard_uncertainty_cps_per_mbq?: number; contributions_percent?: Record<string, number>; mean_activity_mbq?: number;
  whole_image_cps_per_mbq?: number | null; whole_image_difference_percent?: number | null; centre_lps_mm?: Centre;
  dead_time_us?: number; standard_uncertainty_us?: number; model?: string; is_significant?: boolean; largest_loss_percent?: number;
  p_value?: number; reduced_chi_square?: number; notes?: string[]; b1_ml?: number; b2?: number; covariance?: number[][];
  spheres?: { diameter_mm: number; recovery: number; standard_uncertainty: number; centre_lps_mm?: Centre }[]; points?: Measured; line?: Fitted;
}

const PLOT = { width: 300, height: 170 };
const DOUBTFUL_P = 0.01;

export function short(result: Result): Html {
  if (result.calibration_cps_per_mbq !== undefined) return html`${formatNumber(result.calibration_cps_per_mbq, 4)} ± ${formatNumber(result.standard_uncertainty_cps_per_mbq, 2)} cps/MBq`;
  if (result.dead_time_us !== undefined) return html`${formatNumber(result.dead_time_us, 3)} ± ${formatNumber(result.standard_uncertainty_us, 2)} µs`;
  return html`b1 ${formatNumber(result.b1_ml, 3)} mL, b2 ${formatNumber(result.b2, 3)}`;
}

/** The centres that were found or typed, as many as the method has spheres. */
export function centresOf(result: Result): Centre[] {
  const all = result.spheres?.map((sphere) => sphere.centre_lps_mm) ?? [result.centre_lps_mm];
  return all.filter((centre) => centre !== undefined);
}

export function resultOf(result: Result, label: string): Html {
  const rows = [...factorRows(result), ...deadTimeRows(result), ...recoveryRows(result)];
  const serves = result.reconstruction ? html`<p class="t2 mt-2">Holds for “${result.reconstruction}”.</p>` : nothing;
  return html`<dl class="kv">${each(rows, ([name, value]) => html`<dt>${name}</dt><dd class="num">${value}</dd>`)}</dl>${serves}${each(result.notes ?? [], (note) => html`<p class="t3 fs12 mt-2">${note}</p>`)}${picture(result, label)}`;
}

type Row = readonly [name: string, value: Html | string];

function factorRows(result: Result): Row[] {
  if (result.calibration_cps_per_mbq === undefined) return [];
  const { whole_image_cps_per_mbq: whole, whole_image_difference_percent: difference, centre_lps_mm: centre } = result;
  const beside = difference === null || difference === undefined ? '' : ` (${difference > 0 ? '+' : ''}${formatPlain(Number(difference.toFixed(1)))} %)`;
  return [
    ['Factor', html`<span class="strong">${short(result)}</span>`],
    ...(whole === null || whole === undefined ? [] : [['From all counts of the image', `${formatNumber(whole, 4)} cps/MBq${beside}`] as const]),
    ['Activity during the scan', `${formatNumber(result.mean_activity_mbq, 4)} MBq`],
    ...Object.entries(result.contributions_percent ?? {}).map(([name, percent]) => [`Uncertainty: ${name}`, `${formatNumber(percent, 2)} %`] as const),
    ...(centre ? [['Centre (LPS)', placeText(centre)] as const] : []),
  ];
}

function deadTimeRows(result: Result): Row[] {
  if (result.dead_time_us === undefined) return [];
  return [
    ['Dead time', html`<span class="strong">${short(result)}</span>`],
    ['Model', (result.model ?? '').replaceAll('_', '-')],
    ['Lost at the highest rate', `${formatNumber(result.largest_loss_percent, 2)} %`],
    ['Fit', fitFlag(result, result.is_significant ? '' : ', no dead time shown')],
  ];
}

function recoveryRows(result: Result): Row[] {
  if (result.b1_ml === undefined) return [];
  return [
    ['Recovery curve', html`<span class="strong">1 − 1 / (1 + (v / ${formatNumber(result.b1_ml, 3)} mL)^${formatNumber(result.b2, 3)})</span>`],
    ['Fit', fitFlag(result, '')],
    ...(result.spheres ?? []).map((sphere) => [
      `Sphere of ${formatNumber(sphere.diameter_mm)} mm`,
      `${formatNumber(sphere.recovery, 3)} ± ${formatNumber(sphere.standard_uncertainty, 2)}${sphere.centre_lps_mm ? ` at ${placeText(sphere.centre_lps_mm)}` : ''}`,
    ] as const),
  ];
}

function fitFlag(result: Result, more: string): Html {
  const chi = result.reduced_chi_square === undefined ? '' : `reduced χ² ${formatNumber(result.reduced_chi_square, 2)}, `;
  return flag((result.p_value ?? 0) < DOUBTFUL_P ? 'ask' : 'ok', `${chi}p ${formatNumber(result.p_value, 2)}${more}`);
}

const placeText = (centre: Centre): string => `${centre.map((part) => formatPlain(Number(part.toFixed(1)))).join(', ')} mm`;

function picture(result: Result, label: string): Html {
  if (!result.points || !result.line) return nothing;
  const isRecovery = result.b1_ml !== undefined;
  const legend = result.line.low_95 ? html`<p class="t3 fs12">Bars: one standard uncertainty. Band: 95 % of the fitted curve.</p>` : nothing;
  return html`${fitPlot({ points: result.points, line: result.line, size: PLOT, label, xLabel: isRecovery ? 'Volume (mL)' : 'True rate (cps)', hasIdentity: !isRecovery })}${legend}`;
}
