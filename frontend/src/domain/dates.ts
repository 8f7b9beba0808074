/** Dates and times as the clinic writes them, in the site's time zone: "16 Nov 2026", "09:42", "Today 17:00". */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DASH = '—';
const BARE_DAY = /^\d{4}-\d{2}-\d{2}$/;
let zone: string | undefined;

/** Sets the zone of the site; without it the computer's own zone is used. */
export function useTimeZone(name: string | undefined): void {
  zone = name || undefined;
}

function parts(at: Date, timeZone = zone): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone, weekday: 'short', day: 'numeric', month: 'short', year: 'numeric',
    hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
  const found = Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
  return { ...found, month: (found.month ?? '').slice(0, 3) };
}

function parse(text: string | null | undefined): Date | null {
  if (!text) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}

function shown(text: string | null | undefined, build: (part: Record<string, string>) => string): string {
  const at = parse(text);
  // A bare day (“valid from”) is that day everywhere: it is read as midnight UTC, and shown so.
  return at === null ? DASH : build(parts(at, BARE_DAY.test(text ?? '') ? 'UTC' : zone));
}

export const formatDate = (text: string | null | undefined): string => shown(text, (p) => `${p.day} ${p.month} ${p.year}`);
export const formatTime = (text: string | null | undefined): string => shown(text, (p) => `${p.hour}:${p.minute}`);
export const formatClock = (text: string | null | undefined): string => shown(text, (p) => `${p.hour}:${p.minute}:${p.second}`);
export const formatDateTime = (text: string | null | undefined): string =>
  shown(text, (p) => `${p.day} ${p.month} ${p.year} ${p.hour}:${p.minute}`);
export const formatShort = (text: string | null | undefined): string =>
  shown(text, (p) => `${p.day} ${p.month} ${p.hour}:${p.minute}`);
export const formatWeekday = (text: string | null | undefined): string =>
  shown(text, (p) => `${p.weekday} ${p.day} ${p.month} ${p.hour}:${p.minute}`);

/** Calendar days from `now` to `at` in the site's zone. */
function daysBetween(now: Date, at: Date): number {
  const dayNumber = (date: Date): number => {
    const p = parts(date);
    return Math.round(Date.parse(`${p.day} ${p.month} ${p.year} UTC`) / DAY_MS);
  };
  return dayNumber(at) - dayNumber(now);
}

export interface Due {
  text: string;
  isOverdue: boolean;
}

/** When something is due, as near as the reader needs it. */
export function formatDue(text: string | null | undefined, now: Date): Due {
  const at = parse(text);
  if (at === null) return { text: DASH, isOverdue: false };
  const late = now.getTime() - at.getTime();
  if (late > 0) {
    const hours = Math.max(1, Math.round(late / HOUR_MS));
    return { text: hours < 48 ? `Overdue ${hours} h` : `Overdue ${Math.round(hours / 24)} d`, isOverdue: true };
  }
  const days = daysBetween(now, at);
  const p = parts(at);
  if (days === 0) return { text: `Today ${p.hour}:${p.minute}`, isOverdue: false };
  if (days === 1) return { text: 'Tomorrow', isOverdue: false };
  return { text: days < 7 ? (p.weekday ?? '') : `${p.day} ${p.month}`, isOverdue: false };
}

/** "3 min", "2 h", "5 d": how long ago, without false precision. */
export function formatAge(text: string | null | undefined, now: Date): string {
  const at = parse(text);
  if (at === null) return DASH;
  const minutes = Math.max(0, Math.round((now.getTime() - at.getTime()) / 60_000));
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

/** The value of a datetime-local field for an instant, in the site's zone. */
export function toLocalInput(text: string | null | undefined): string {
  const at = parse(text);
  if (at === null) return '';
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  });
  return format.format(at).replace(' ', 'T');
}

/** The instant that a datetime-local field names in the site's zone, as ISO text in UTC; null when it is empty. */
export function fromLocalInput(value: string): string | null {
  if (!value) return null;
  const asUtc = new Date(`${value}Z`);
  if (Number.isNaN(asUtc.getTime())) return null;
  const offset = (instant: Date): number => Date.parse(`${toLocalInput(instant.toISOString())}Z`) - instant.getTime();
  // The offset at the guessed instant may lie on the other side of a clock change: one correction suffices.
  const guess = new Date(asUtc.getTime() - offset(withoutSeconds(asUtc)));
  return new Date(asUtc.getTime() - offset(withoutSeconds(guess))).toISOString();
}

function withoutSeconds(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000);
}
