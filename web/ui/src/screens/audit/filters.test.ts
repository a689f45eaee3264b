import { describe, expect, it } from 'vitest'
import { asQuery, fromSearch, none, setOf, toSearch } from './filters'

describe('filters of the trail', () => {
  it('stay the same over the address', () => {
    const f = { from: '2026-11-01', to: '2026-11-22', actor: 'operator', action: 'user.change', object: '01a201f5420e700185de644e99b602af', outcome: 'denied', order: 'oldest' }
    expect(fromSearch(toSearch(f))).toEqual(f)
    expect(setOf(f)).toBe(6)
  })
  it('are left out of the address where nothing is set', () => expect(toSearch(none)).toBe(''))
  it('leave out what the API would refuse', () => {
    expect(fromSearch('outcome=maybe&order=upwards&from=yesterday&to=2026-13-40')).toEqual(none)
  })
  it('mean the last day whole, in UTC', () => {
    expect(asQuery({ ...none, from: '2026-02-28', to: '2026-02-28' })).toMatchObject({ from: '2026-02-28T00:00:00Z', to: '2026-03-01T00:00:00.000Z', order: 'newest' })
    expect(asQuery(none).to).toBeUndefined()
  })
})
