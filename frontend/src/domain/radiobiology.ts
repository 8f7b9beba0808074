export interface Radiobiology {
  alpha_beta_gy: number;
  repair_half_time_h: number;
  source: string;
}

/** Reads "region; alpha/beta in Gy; repair half-time in h; source", one a line; throws at the first line that is not so. */
export function parseRadiobiology(text: string): Record<string, Radiobiology> {
  const rows = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return Object.fromEntries(rows.map((line) => {
    const [name = '', alphaBeta = '', repair = '', ...rest] = line.split(';').map((part) => part.trim());
    const values = { alpha_beta_gy: Number(alphaBeta), repair_half_time_h: Number(repair), source: rest.join('; ') };
    if (!name || !(values.alpha_beta_gy > 0) || !(values.repair_half_time_h > 0) || !values.source) {
      throw new Error(`Write “region; α/β; repair half-time; source”, not “${line}”.`);
    }
    return [name, values] as const;
  }));
}

/** The same lines, from stored values. */
export function radiobiologyLines(values: Record<string, Radiobiology>): string {
  return Object.entries(values).map(([name, v]) => `${name}; ${v.alpha_beta_gy}; ${v.repair_half_time_h}; ${v.source}`).join('\n');
}
