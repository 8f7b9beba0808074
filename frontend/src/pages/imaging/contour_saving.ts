/** Strokes become a revision: by Ctrl S, and before every step that rests on what the server has. */
import type { ConflictAnswer } from './contour_dialogs';
import type { ContourSession } from './contour_session';
import { isConflict } from './label_editor';

export interface SavingPage {
  ask: (fields: Record<string, unknown>) => Promise<ConflictAnswer>;
  say: (text: string, level?: 'ok' | 'ask') => void;
  refuse: (title: string, error: unknown) => void;
  /** The session has other numbers or voxels than the page shows. */
  draw: () => void;
}

/** Saves what is not saved; resolves with whether the server has every stroke. */
export async function saveStrokes(now: ContourSession | undefined, name: string, page: SavingPage): Promise<boolean> {
  if (!now) return false;
  if (!now.editor.isChanged) return true;
  try {
    await now.editor.save(name ? `${name}: drawn` : 'Drawn');
  } catch (error) {
    if (isConflict(error)) return resolveConflict(now, error.fields, page);
    page.refuse('Not saved; your draft is kept', error);
    return false;
  }
  await now.reloadNumbers();
  const isSettled = !now.editor.isChanged;
  if (isSettled) now.editor.undo.clear();
  else page.say('You drew on while it was saved: save again to keep that too', 'ask');
  page.draw();
  return isSettled;
}

async function resolveConflict(now: ContourSession, fields: Record<string, unknown>, page: SavingPage): Promise<boolean> {
  const answer = await page.ask(fields);
  if (answer === 'wait') { await now.editor.saveDraft(); return false; }
  if (answer === 'theirs') { await now.reload(); page.draw(); return false; }
  now.editor.rebase(await now.newestLayers());
  await now.editor.save('Proposal on top of another revision');
  await now.reload();
  page.draw();
  page.say('Saved as a proposal');
  return true;
}
