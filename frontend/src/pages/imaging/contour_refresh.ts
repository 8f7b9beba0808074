/** What a finished run means for the contours that this page holds. */
import type { ContourSession } from './contour_session';

/**
 * Any time point may have new contours. What is open, or holds strokes that are not saved, takes them under the strokes;
 * the others are read when they are chosen. Resolves with whether strokes lie on top.
 */
export async function refreshSessions(sessions: Map<string, ContourSession>, openId: string): Promise<boolean> {
  let hasStrokes = false;
  for (const [id, session] of [...sessions]) {
    if (session.editor.isChanged) {
      hasStrokes = true;
      await session.editor.saveDraft();
      await session.reload();
    } else if (id === openId) await session.reload();
    else {
      session.editor.dispose();
      sessions.delete(id);
    }
  }
  return hasStrokes;
}
