/** Markup that was built by `html`: the only kind of text that a page puts into the document as markup. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

export type HtmlValue = Html | readonly Html[] | string | number | null | undefined | false;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes text for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function toText(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return value.map((item) => item.text).join('');
}

/** Template tag: every value is escaped unless it is itself Html. Attribute values must stand in quotes. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  let text = strings[0] ?? '';
  values.forEach((value, i) => {
    text += toText(value) + (strings[i + 1] ?? '');
  });
  return new Html(text);
}

/** Html for each item of a list. */
export function each<Item>(items: readonly Item[], build: (item: Item, index: number) => Html): Html[] {
  return items.map(build);
}

export const nothing = new Html('');
