import { need } from './parts/dom';
import { startJobs } from './parts/jobs';
import { drawQuarantine } from './parts/quarantine';
import { startPage } from './parts/shell';
import { startUploadPanel } from './parts/upload_panel';

const page = startPage();
const refresh = (): Promise<number> => drawQuarantine(need('quarantine'), page.siteId);

startUploadPanel(
  { drop: need('drop'), progress: need('progress'), refused: need('refused') },
  {
    siteId: page.siteId, cycleId: page.cycleId,
    onImported: (uploadId) => {
      void refresh();
      const wanted = page.cycleId ? `?cycle=${page.cycleId}` : '';
      if (need('refused').childElementCount === 0) window.location.assign(`/import/${uploadId}/${wanted}`);
    },
  },
);
startJobs(need('jobs'), { onEnd: () => void refresh() });
void refresh().then(() => page.ready());
