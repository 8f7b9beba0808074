import { ApiError } from '../../api/client';
import { html, nothing, type Html } from '../../domain/html';
import { icon, message, placeholder } from '../../domain/markup';
import { fill } from './dom';

/** The messages of fields that the server refused: "taken at: This field is required." */
export function fieldTexts(fields: unknown, name = ''): string[] {
  if (typeof fields === 'string') return [name ? `${name.replace(/_/g, ' ')}: ${fields}` : fields];
  if (Array.isArray(fields)) return fields.flatMap((item: unknown) => fieldTexts(item, name));
  if (fields !== null && typeof fields === 'object') return Object.entries(fields).flatMap(([key, value]) => fieldTexts(value, key));
  return [];
}

/** What failed, in the server's words, with the reference to report. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    const details = error.code === 'invalid_input' ? fieldTexts(error.fields) : [];
    return [error.message, ...details, error.reference ? `Reference ${error.reference}.` : ''].filter(Boolean).join(' ');
  }
  return error instanceof Error ? error.message : String(error);
}

export function errorMessage(error: unknown): Html {
  return message('block', 'Not done', errorText(error));
}

/** Shows an error in the place of the result; retry only where trying again may help. */
export function showError(element: Element, error: unknown, retry?: () => void): void {
  const mayHelp = retry && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500);
  const action = mayHelp ? html`<button class="btn" type="button" data-retry>${icon('undo', 's')}Try again</button>` : nothing;
  fill(element, placeholder({ level: 'block', title: 'This could not be loaded', text: errorText(error), action }));
  if (mayHelp) element.querySelector('[data-retry]')?.addEventListener('click', retry);
}
