import { expect, test } from 'vitest'
import { versionOf } from './version'

test('a run is of the version that was asked for', () => {
  expect(versionOf('2', 3)).toEqual({ version: 2, missing: false })
  expect(versionOf('3', 3)).toEqual({ version: 3, missing: false })
})

test('a run for which none was asked is of the latest', () => {
  expect(versionOf('', 3)).toEqual({ version: 3, missing: false })
})

test('a version that is not there is the latest, and is said to be missing', () => {
  for (const asked of ['4', '0', '-1', '1.5', '02', 'latest', '1e0']) expect(versionOf(asked, 3), asked).toEqual({ version: 3, missing: true })
})
