import { expect, test } from 'vitest'
import { countMore, versionAt } from './versions'

test('a difference has its sign, and none has none', () => {
  expect([5, -1200, 0, undefined].map(countMore)).toEqual(['+5', '−1,200', '0', '—'])
})

test('the latest version is where the portfolio is', () => {
  expect(versionAt('p', 3, 3)).toBe('/portfolios/p')
  expect(versionAt('p', 1, 3)).toBe('/portfolios/p?version=1')
})
