import { describe, expect, it } from 'vitest';
import { each, escapeHtml, html, nothing } from './html';

describe('html', () => {
  it('escapes every value, also inside quoted attributes', () => {
    const name = `"><img src=x onerror='a()'>&`;
    expect(html`<b title="${name}">${name}</b>`.text).toBe(
      `<b title="${escapeHtml(name)}">${escapeHtml(name)}</b>`,
    );
    expect(escapeHtml(name)).not.toMatch(/[<>"']/);
  });

  it('keeps nested Html as it is and joins lists', () => {
    expect(html`<ul>${each(['a', '<'], (item) => html`<li>${item}</li>`)}</ul>`.text).toBe('<ul><li>a</li><li>&lt;</li></ul>');
  });

  it('shows zero, and nothing for missing values', () => {
    expect(html`${0}|${null}|${undefined}|${false}|${nothing}`.text).toBe('0||||');
  });
});
