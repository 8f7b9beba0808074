/** Laboratory values and doses from elsewhere, typed in with unit and source. */
import { postJson } from '../../api/client';
import { fromLocalInput } from '../../domain/dates';
import { each, html, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import { openDialog } from './dialogs';

const LABS: Record<string, { text: string; units: string[] }> = {
  haemoglobin: { text: 'Haemoglobin', units: ['g/dL', 'g/L', 'mmol/L'] },
  platelets: { text: 'Platelets', units: ['10⁹/L'] },
  leucocytes: { text: 'Leucocytes', units: ['10⁹/L'] },
  creatinine: { text: 'Creatinine', units: ['µmol/L', 'mg/dL'] },
  egfr: { text: 'eGFR', units: ['mL/min/1.73 m²'] },
};
const UNITS = [...new Set(Object.values(LABS).flatMap((lab) => lab.units))];

const line = (label: string, field: Html): Html => html`<label class="line"><span class="label">${label}</span>${field}</label>`;
const activity = (label: string, name: string): Html => html`<div class="with-unit">${line(label, html`<input class="text" type="number" step="any" min="0" name="${name}">`)}${line('Unit', select({ name: `${name}_unit` }, [['', 'Unit'], ['GBq', 'GBq'], ['MBq', 'MBq']], ''))}</div>`;
const orNull = (text: string | undefined): number | null => (text ? Number(text) : null);

export function labDialog(patientId: string): Promise<boolean> {
  return openDialog({
    title: 'Enter a laboratory value', action: 'Save value',
    body: html`<div class="form">${line('Value of', select({ name: 'kind', isRequired: true }, [['', 'Choose'], ...Object.entries(LABS).map(([key, lab]) => [key, lab.text] as const)], ''))}
      <div class="with-unit">${line('Value', html`<input class="text" name="value" inputmode="decimal" type="number" step="any" min="0" required>`)}
      ${line('Unit', select({ name: 'unit', isRequired: true }, [['', 'Unit'], ...UNITS.map((name) => [name, name] as const)], ''))}</div>
      ${line('Taken at', html`<input class="text" type="datetime-local" name="taken_at" required>`)}</div>`,
    submit: async (values) => {
      const units = LABS[values.kind ?? '']?.units ?? [];
      if (!units.includes(values.unit ?? '')) throw new Error(`Choose one of the units of this value: ${units.join(', ')}.`);
      await postJson(`/api/patients/${patientId}/labs`, { kind: values.kind, value: Number(values.value), unit: values.unit, taken_at: fromLocalInput(values.taken_at ?? '') });
    },
  });
}

const MODALITIES = ['external beam', 'radiopharmaceutical', 'radioembolisation', 'brachytherapy', 'other'];

export function externalDoseDialog(patientId: string): Promise<boolean> {
  return openDialog({
    title: 'Add a dose from elsewhere', action: 'Save dose',
    body: html`<div class="form"><div class="pair">${line('Region', html`<input class="text" name="region_name" required maxlength="64" list="region-names">`)}${line('Treatment', select({ name: 'modality', isRequired: true }, MODALITIES.map((name) => [name, name] as const), MODALITIES[0] ?? ''))}</div>
      <datalist id="region-names">${each(['Kidney left', 'Kidney right', 'Red marrow', 'Liver', 'Spleen'], (name) => html`<option value="${name}"></option>`)}</datalist>
      <div class="pair">${line('Absorbed dose (Gy)', html`<input class="text" type="number" step="any" min="0" name="absorbed_dose_gy" required>`)}${line('Standard uncertainty (Gy), if known', html`<input class="text" type="number" step="any" min="0" name="u">`)}</div>
      <div class="pair">${line('BED (Gy), if known', html`<input class="text" type="number" step="any" min="0" name="bed_gy">`)}${line('Treated on', html`<input class="text" type="date" name="treated_on">`)}</div>
      ${line('Source', html`<input class="text" name="source" required maxlength="255" placeholder="Letter, plan or report, with date">`)}</div>`,
    submit: async (values) => {
      await postJson(`/api/patients/${patientId}/external-doses`, {
        region_name: values.region_name, modality: values.modality, absorbed_dose_gy: Number(values.absorbed_dose_gy),
        absorbed_dose_standard_uncertainty_gy: orNull(values.u), bed_gy: orNull(values.bed_gy), treated_on: values.treated_on || null, source: values.source,
      });
    },
  });
}

/** One typed activity, or null when its field is empty; a value without a chosen unit is refused. */
function typedActivity(values: Record<string, string>, name: string): { value: number; unit: string } | null {
  const text = values[name] ?? '';
  const unitName = values[`${name}_unit`] ?? '';
  if (text === '') return null;
  if (unitName === '') throw new Error('Choose the unit of each activity, GBq or MBq.');
  return { value: Number(text), unit: unitName };
}

/** Records or corrects what was given in a cycle: both syringe measurements, or the net activity. */
export function administrationDialog(cycleId: string): Promise<boolean> {
  const time = (label: string, name: string, isRequired = false): Html => line(label, html`<input class="text" type="datetime-local" name="${name}" ${isRequired ? html`required` : html``}>`);
  return openDialog({
    title: 'Record the administration', action: 'Save administration', isWide: true,
    body: html`<p class="t2">Give both syringe measurements with their times, or the net activity. A change makes what rests on it stale.</p><div class="form">
      <div class="pair">${activity('Activity before', 'before')}${time('Measured at', 'measured_before_at')}</div><div class="pair">${activity('Residual after', 'after')}${time('Measured at', 'measured_after_at')}</div>
      <div class="pair">${activity('Or: net administered activity', 'net')}<span></span></div><div class="pair">${time('Start of administration', 'administered_at', true)}${time('End of administration', 'ended_at')}</div>
      <label class="row"><input type="checkbox" name="extravasation" value="yes"> Extravasation suspected or seen</label>${line('Reason, for a correction', html`<input class="text" name="reason" maxlength="255">`)}</div>`,
    submit: async (values) => {
      const [before, after, net] = ['before', 'after', 'net'].map((name) => typedActivity(values, name));
      if (!net && (!before || !after || !values.measured_before_at || !values.measured_after_at)) throw new Error('Give both syringe measurements with their times, or the net activity.');
      if (net && (before || after)) throw new Error('Give either the syringe measurements or the net activity, not both.');
      const instant = (name: string): string | null => fromLocalInput(values[name] ?? '');
      await postJson(`/api/cycles/${cycleId}/administrations`, {
        activity_before: before, measured_before_at: instant('measured_before_at'), activity_after: after, measured_after_at: instant('measured_after_at'),
        administered_activity: net, has_extravasation: values.extravasation === 'yes', administered_at: instant('administered_at'), ended_at: instant('ended_at'), reason: values.reason ?? '',
      });
    },
  });
}
