import { expect, it } from 'vitest';
import { formatAgent } from './nuclide';

it.each([
  ['DOTATATE', 'Lu-177', '<sup>177</sup>Lu-DOTATATE'],
  ['177Lu-DOTATATE', 'Lu-177', '<sup>177</sup>Lu-DOTATATE'],
  ['[177Lu]Lu-PSMA-617', 'Lu-177', '<sup>177</sup>Lu-PSMA-617'],
  ['Lu-177 DOTATATE', 'Lu-177', '<sup>177</sup>Lu-DOTATATE'],
  ['Lu-177', 'Lu-177', '<sup>177</sup>Lu'],
  ['<b>', 'unknown', '&lt;b&gt;'],
])('%s of %s', (agent, nuclide, expected) => expect(formatAgent(agent, nuclide).text).toBe(expected));
