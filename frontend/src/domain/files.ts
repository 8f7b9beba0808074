/** Which of the chosen files are worth sending; the server's guard decides on every one that is. */
interface Sized {
  path: string;
  file: { size: number };
}

const CLUTTER = /(^|\/)(\.[^/]*|thumbs\.db|desktop\.ini|__MACOSX\/.*|autorun\.inf)$/i;

/** Drops what operating systems leave in folders, and sorts by path: the same folder always gets the same numbers. */
export function worthSending<Chosen extends Sized>(chosen: readonly Chosen[]): Chosen[] {
  return chosen
    .filter(({ path, file }) => file.size > 0 && !CLUTTER.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

const UNITS = ['B', 'kB', 'MB', 'GB'];

export function formatBytes(bytes: number): string {
  const step = bytes > 0 ? Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1) : 0;
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step]}`;
}

/** One line of a CSV file; cells that a spreadsheet would run as a formula are defused. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return cells
    .map((cell) => {
      const text = String(cell ?? '');
      const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
      return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
    })
    .join(',');
}
