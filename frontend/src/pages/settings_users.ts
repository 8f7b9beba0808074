import { getJson, postJson } from '../api/client';
import { each, html, nothing, type Html } from '../domain/html';
import { icon, placeholder, select } from '../domain/markup';
import { openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Person { id: number; name: string; roles: string[] }

const ROLES: Record<string, [name: string, does: string]> = {
  technologist: ['Technologist', 'records administration, brings in scans'],
  contour_editor: ['Contour editor', 'edits contours'],
  physicist: ['Physicist', 'quantification, registration, curves, dose; signs calculated and reviewed'],
  physician: ['Physician', 'indication, labs, lesions; signs approved'],
  prescriber: ['Prescriber', 'signs the next activity'],
  reader: ['Reader', 'reads results, comments'],
  researcher: ['Researcher', 'de-identified cases only'],
  quality_lead: ['Quality lead', 'confirms calibrations, templates, limits; reads the audit log'],
  site_administrator: ['Site administrator', 'users, cameras; proposes templates and limits'],
  auditor: ['Auditor', 'reads the audit log'],
};
const OPTIONS = Object.entries(ROLES).map(([key, [name]]) => [key, name] as const);

const page = startPage();
let people: Person[] = [];

async function load(): Promise<void> {
  try {
    people = (await getJson<{ results: Person[] }>(`/api/sites/${page.siteId}/people`)).results;
    draw();
  } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

function draw(): void {
  fill(need('head'), html`<h1 class="h1">Users and roles</h1><span class="t3">Roles are held per site. The two-person rule counts persons, not roles.</span><button class="btn push" type="button" data-new>${icon('plus', 's')}New user</button>`);
  const row = (person: Person): Html => html`<tr><td class="strong">${person.name}</td><td class="text"><span class="row wrap">${each(person.roles, (role) => html`<span class="tag">${ROLES[role]?.[0] ?? role}<button type="button" data-remove="${role}" data-user="${person.id}" aria-label="Take the role ${ROLES[role]?.[0] ?? role} from ${person.name}">${icon('close')}</button></span>`)}</span></td><td><button class="btn quiet" type="button" data-add="${person.id}">Give a role</button></td></tr>`;
  fill(need('content'), people.length ? html`<table class="table"><thead><tr><th>Name</th><th>Roles at this site</th><th></th></tr></thead><tbody>${each(people, row)}</tbody></table>` : placeholder({ icon: 'users', title: 'Nobody yet', text: 'Make the first account of this site.' }));
  fill(need('inspector'), html`<div class="sect last"><h2 class="h2">Roles</h2><dl class="stack">${each(Object.values(ROLES), ([name, does]) => html`<div><dt class="strong">${name}</dt><dd class="fs12 t2">${does}</dd></div>`)}</dl></div>`);
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;

function newUser(): void {
  void openDialog({
    title: 'Make an account', action: 'Make account',
    body: html`<div class="form">${field('Full name, as printed with signatures', html`<input class="text" name="full_name" required maxlength="255" autofocus>`)}${field('User name', html`<input class="text" name="username" required maxlength="150" autocomplete="off">`)}
      ${field('First password, at least 12 characters', html`<input class="text" name="password" type="password" minlength="12" required autocomplete="new-password">`)}${field('First role', select({ name: 'role', isRequired: true }, [['', 'Choose'], ...OPTIONS], ''))}</div>`,
    submit: async (values) => { await postJson(`/api/sites/${page.siteId}/users`, values); },
  }).then((isDone) => { if (isDone) { toast('Account made'); void load(); } });
}

function giveRole(userId: number): void {
  void openDialog({
    title: `Give a role to ${people.find((person) => person.id === userId)?.name ?? ''}`, action: 'Give role',
    body: html`${field('Role', select({ name: 'role', isRequired: true }, [['', 'Choose'], ...OPTIONS], ''))}`,
    submit: async ({ role }) => { await postJson(`/api/sites/${page.siteId}/memberships`, { user_id: userId, role, is_member: true }); },
  }).then((isDone) => { if (isDone) { toast('Role given'); void load(); } });
}

function takeRole(userId: number, role: string): void {
  void openDialog({
    title: 'Take a role away', action: 'Take away', isDanger: true,
    body: html`<p>${people.find((person) => person.id === userId)?.name ?? ''} will no longer be ${ROLES[role]?.[0] ?? role} at this site. Signatures that were given stay.</p>`,
    submit: async () => { await postJson(`/api/sites/${page.siteId}/memberships`, { user_id: userId, role, is_member: false }); },
  }).then((isDone) => { if (isDone) { toast('Role taken away'); void load(); } }, (error: unknown) => toast(errorText(error), 'block'));
}

on(need('page'), 'click', '[data-new]', newUser);
on(need('content'), 'click', '[data-add]', (button) => giveRole(Number(button.dataset.add)));
on(need('content'), 'click', '[data-remove]', (button) => takeRole(Number(button.dataset.user), button.dataset.remove ?? ''));
if (page.isAllowed('manage_users')) void load();
else { fill(need('content'), html`${nothing}`); page.ready(); }
