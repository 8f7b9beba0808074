/** Warnings beside what they doubt: glyph, cause, and for a question its answer with reason, name and time. */
import { postJson } from '../../api/client';
import { formatShort } from '../../domain/dates';
import { html, nothing, type Html } from '../../domain/html';
import { icon, levelOf, message } from '../../domain/markup';
import { askReason } from './dialogs';
import { on } from './dom';

export interface Finding {
  code: string;
  level: string;
  message: string;
  step?: string;
  source_id?: string | null;
  region_id?: string | null;
  region?: string | null;
  /** Number of the time point, where findings of several scans stand together. */
  scan?: number | null;
  answer?: { text: string; by: string; at: string } | null;
}

/** One finding; an open question carries the button that answers it. */
export function answerable(finding: Finding): Html {
  const { answer } = finding;
  const where = [finding.scan ? `Scan ${finding.scan}` : '', finding.region ?? ''].filter(Boolean).join(', ');
  const text = where ? `${where}: ${finding.message}` : finding.message;
  if (answer) {
    return html`<div class="msg" data-l="note">${icon('check')}<b>${text}</b><div>${answer.text} <span class="t3">${answer.by}, ${formatShort(answer.at)}</span></div></div>`;
  }
  const asks = finding.level === 'ask' && finding.source_id
    ? html`<button type="button" class="plain-link" data-answer-code="${finding.code}" data-step="${finding.step}" data-source="${finding.source_id}" data-region="${finding.region_id ?? ''}" data-message="${finding.message}">Answer with a reason</button>` : nothing;
  return message(levelOf(finding.level), text, asks);
}

/** Lets people answer the questions inside `root`; `onDone` runs after an answer was saved. */
export function letAnswer(root: HTMLElement, cycleId: string, onDone: () => void): void {
  on(root, 'click', '[data-answer-code]', (button) => {
    const { answerCode, step, source, region, message: text = '' } = button.dataset;
    void askReason({
      title: 'Answer a warning', text, action: 'Save answer',
      submit: async (reason) => {
        await postJson(`/api/cycles/${cycleId}/warning-answers`, { step, source_id: source, code: answerCode, region_id: region || null, answer: reason });
      },
    }).then((isDone) => { if (isDone) onDone(); });
  });
}
