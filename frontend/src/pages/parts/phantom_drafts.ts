/** What was typed into the forms of phantoms and gave no result yet: kept for this tab, also when the page is loaded again. */
import type { Method } from './phantom_fields';

export type Values = Record<string, string>;
type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export interface Drafts {
  of: (method: Method) => Values | undefined;
  keep: (method: Method, values: Values) => void;
  drop: (method: Method) => void;
}

/** Drafts of one site; where storage is forbidden they last for this page. */
export function phantomDrafts(siteId: string, store: () => Store = () => window.sessionStorage): Drafts {
  const key = `phantom-drafts-${siteId}`;
  const typed = read(key, store);
  const write = (): void => {
    try {
      if (typed.size === 0) store().removeItem(key);
      else store().setItem(key, JSON.stringify([...typed]));
    } catch { /* storage may be forbidden or full; what was typed lasts for this page */ }
  };
  return {
    of: (method) => typed.get(method),
    keep: (method, values) => { typed.set(method, values); write(); },
    drop: (method) => { typed.delete(method); write(); },
  };
}

function read(key: string, store: () => Store): Map<Method, Values> {
  try { return new Map(JSON.parse(store().getItem(key) ?? '[]') as [Method, Values][]); } catch { return new Map(); }
}
