import { expect, test } from 'vitest'
import { newRunAt, portfolioAt, runAgainAt } from './url'

test('a portfolio is shown in the version that is named, or in its latest', () => {
  expect([portfolioAt('p'), portfolioAt('p', 2)]).toEqual(['/portfolios/p', '/portfolios/p?version=2'])
})

test('a run is asked for of the version that is named, or of the latest', () => {
  expect([newRunAt('p'), newRunAt('p', 2)]).toEqual(['/runs/new?portfolio=p', '/runs/new?portfolio=p&version=2'])
})

test('a run is asked for again of the exposure that it was of', () => {
  const query = new URL(runAgainAt({ id: 'r', portfolio: 'p', portfolio_version: 1 }), 'https://host').searchParams
  expect(Object.fromEntries(query)).toEqual({ portfolio: 'p', version: '1', like: 'r' })
})
