/** The sign-in page works without scripts; with them it focuses the first empty field and stops a double send. */
const form = document.querySelector('form');
const first = [...(form?.querySelectorAll<HTMLInputElement>('input:not([type="hidden"], [type="checkbox"])') ?? [])].find((field) => field.value === '');
first?.focus();
form?.addEventListener('submit', () => {
  const button = form.querySelector<HTMLButtonElement>('[type="submit"]');
  if (button) button.disabled = true;
});
