import { describe, expect, it } from 'vitest';
import { decisionText, type NetworkRow } from './networks';

const row: NetworkRow = { name: 'organs', version: '2', weights_sha256: 'ab', label: 'organs 2 (ab)', regions: ['Liver'], spacing_mm: 4, training: 'virtual patients', is_enabled: false, decision: null };
const decision = { version: '1', is_enabled: true, reason: 'Checked.', by: 'Quality lead A', at: '2026-11-25T10:00:00Z' };

describe('what a site decided about a network', () => {
  it('says that nobody decided', () => { expect(decisionText(row)).toBe('Nobody has decided about it at this site.'); });
  it('names who enabled it and why', () => { expect(decisionText({ ...row, is_enabled: true, decision: { ...decision, version: '2' } })).toContain('Enabled by Quality lead A'); });
  it('asks for a new decision about new weights', () => { expect(decisionText({ ...row, decision })).toContain('version 2 needs a decision of its own'); });
});
