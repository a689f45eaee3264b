import { expect, test } from 'vitest'
import { changeName, changeValue } from './words'

test('a change is called by the words of the field', () => {
  expect([['Exposure', 'tiv'], ['Exposure', 'version'], ['Exposure', 'portfolio'], ['Settings', 'years'], ['Model', 'digest'], ['Settings', 'later']].map(([of, name]) => changeName(of!, name!)))
    .toEqual(['Insured value', 'Version of the portfolio', 'Portfolio', 'Simulated years', 'Model, digest', 'Settings: later'])
})

test('figures are written as figures, and names as they are', () => {
  expect([['tiv', '700000'], ['locations', '5000'], ['version', '1000'], ['years', '10000'], ['portfolio', '2025'], ['seed', '2025'], ['scenario', '1992'], ['without', '']].map(([name, text]) => changeValue(name!, text!)))
    .toEqual(['$700,000', '5,000', '1,000', '10,000', '2025', '2025', '1992', 'none'])
  expect(changeValue('digest', '0123456789abcdef'.repeat(4))).toBe('0123456789ab…')
})
