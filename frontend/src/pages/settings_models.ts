/** AI contours of a site: which networks may propose, and how proposed contours fare with the people who decide on them. */
import { html } from '../domain/html';
import { startAcceptance } from './parts/acceptance';
import { fill, need } from './parts/dom';
import { startNetworks } from './parts/networks';
import { startPage } from './parts/shell';

const page = startPage();
fill(need('head'), html`<h1 class="h1">AI contours</h1><span class="t3">A proposal counts for nothing until a person accepts it.</span>`);
void Promise.all([startNetworks(page, need('networks')), startAcceptance(page, need('acceptance'), need('acceptance-trend'))]).then(() => page.ready());
