import { afterEach, describe, expect, it, vi } from 'vitest'
import { addressOf, api, problemFrom } from './client'

describe('addresses', () => {
  it('fill in the path and leave out what is not said', () => {
    expect(addressOf('/api/v1/runs/{id}/tables/{name}', { id: 'a/b', name: 'gu_ept' }, { limit: 10, cursor: undefined, x: '' })).toBe('/api/v1/runs/a%2Fb/tables/gu_ept?limit=10')
  })
  it('repeat lists', () => {
    expect(addressOf('/api/v1/runs/compare', undefined, { baseline: '1', with: ['2', '3'] })).toBe('/api/v1/runs/compare?baseline=1&with=2&with=3')
  })
  it('keep zero and false', () => expect(addressOf('/x', undefined, { a: 0, b: false })).toBe('/x?a=0&b=false'))
})

describe('problems', () => {
  it('are those of the API', () => {
    const e = problemFrom(409, JSON.stringify({ type: '/docs/api#problem-conflict', title: 'In conflict', status: 409, detail: 'there are runs', request_id: 'r' }), '7', null)
    expect([e.kind, e.status, e.message, e.retryAfter]).toEqual(['conflict', 409, 'there are runs', 7])
  })
  it('are made of answers that are none of the API’s', () => {
    const e = problemFrom(502, '<html>Bad gateway</html>', null, 'r1')
    expect(e.problem.title).toBe('The appliance answered 502')
    expect(e.problem.request_id).toBe('r1')
    expect(e.kind).toBe('')
    expect(problemFrom(500, '"text"', null, null).problem.status).toBe(500)
  })
})

describe('files', () => {
  afterEach(() => vi.unstubAllGlobals())
  it('come to the byte: whoever reads them may hold a digest to them', async () => {
    const text = '{"b": 1,\n "a": 0.10}\n'
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(text, { headers: { 'Content-Type': 'application/json' } })))
    expect(await api.file('/api/v1/quantum-jobs/{id}/export', { path: { id: '1' }, body: { max_price_usd: '1.00' } })).toBe(text)
    expect((await api.post('/api/v1/quantum-jobs/{id}/quote', { path: { id: '1' } })).data).toEqual({ b: 1, a: 0.1 })
  })
})
