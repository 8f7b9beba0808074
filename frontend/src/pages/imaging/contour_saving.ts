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
  const unread = await now.reload().then(() => null, (error: unknown) => ({ error }));
  const isSettled = !now.editor.isChanged;
  if (!isSettled) page.say('You drew on while it was saved: save again to keep that too', 'ask');
  page.draw();
  if (unread) page.refuse('Saved; its numbers could not be read', unread.error);
  return isSettled;
}

/** Never settled: who goes on after somebody else saved looks at what is there now first. */
async function resolveConflict(now: ContourSession, fields: Record<string, unknown>, page: SavingPage): Promise<boolean> {
  await now.editor.saveDraft();
  const answer = await page.ask(fields);
  if (answer === 'wait') return false;
  try {
    if (answer === 'theirs') await now.drop();
    else await saveOnTop(now);
    page.draw();
    if (answer === 'mine') page.say('Your regions are saved on top of theirs: look at them before you accept');
  } catch (error) {
    page.draw();
    page.refuse('Not saved; your strokes are kept here', error);
  }
  return false;
}

async function saveOnTop(now: ContourSession): Promise<void> {
  await now.reload();
  await now.editor.save('Drawn, on top of another revision');
  await now.reload();
}
