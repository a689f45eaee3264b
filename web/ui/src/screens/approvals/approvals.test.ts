import { describe, expect, it } from 'vitest'
import { intervals } from './agreement'
import { asAsked, candidates } from './baseline'

describe('runs to hold a run to', () => {
  const runs = ['new', 'same-old', 'same-late', 'other', 'gone?'].map((id) => ({ id, portfolio: id.startsWith('other') ? 'q' : 'p' }))
  const approval = (object: string, decision: string, decided: string, kind = 'run') => ({ id: `a-${object}`, kind, object, decision, decided })
  it('are approved, of the same portfolio first, the latest first, each once', () => {
    const all = [
      approval('other', 'approved', '2026-11-20'), approval('same-old', 'approved', '2026-10-01'), approval('same-late', 'approved', '2026-11-01'), approval('same-old', 'approved', '2026-09-01'),
      approval('gone?', 'rejected', '2026-11-21'), approval('deleted', 'approved', '2026-11-21'), approval('p', 'approved', '2026-11-21', 'portfolio'), approval('new', 'approved', '2026-11-22'),
    ]
    expect(candidates(approval('new', 'requested', ''), all, runs)).toEqual(['same-late', 'same-old', 'other'])
    expect(candidates(approval('new', 'requested', ''), [], runs)).toEqual([])
  })
})

describe('intervals of a report', () => {
  const answer = (holds_exact?: boolean) => ({ amplitude_estimate: { holds_exact } })
  it('are counted as they say themselves', () => {
    expect(intervals({ panels: [
      { confidence: 0.95, backend: { name: 'simulator', simulated: true }, answers: [answer(true), answer(false), {}] },
      { confidence: 0.95, backend: { name: 'simulator', simulated: true }, answers: [answer(true), answer()] },
    ] })).toEqual({ all: 3, holding: 2, backends: ['Local simulator'], confidence: 0.95 })
  })
  it('of devices are named, and mixed confidences are not given as one', () => {
    expect(intervals({ panels: [{ confidence: 0.9, backend: { name: 'device-7' }, answers: [] }, { confidence: 0.95, backend: { simulated: true }, answers: [] }] }))
      .toEqual({ all: 0, holding: 0, backends: ['device-7', 'Local simulator'], confidence: undefined })
    expect(intervals({})).toEqual({ all: 0, holding: 0, backends: [], confidence: undefined })
  })
})

describe('a portfolio', () => {
  const last = (digest: string, current: boolean) => ({ approval: { digest }, current })
  it('is what was asked about while its digest is, also by a later request', () => {
    expect(asAsked({ digest: 'a' }, last('a', true))).toBe(true)
  })
  it('is another after a change, and where a later request is about another', () => {
    expect([asAsked({ digest: 'a' }, last('a', false)), asAsked({ digest: 'a' }, last('b', true)), asAsked({ digest: 'a' }, last('b', false))]).toEqual([false, false, false])
  })
})
