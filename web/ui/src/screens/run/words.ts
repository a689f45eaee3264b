// What goes into a run, in words: its settings, and what is other in it than in another run.
import { count, money } from '../../format'

/** What a setting is called; the API's name of it stands beside. */
export const settingNames: Record<string, string> = { years: 'Simulated years', samples: 'Draws of damage per storm', seed: 'Seed', correlation: 'Correlation', return_periods: 'Return periods', without: 'Judgements switched off', scenario: 'Scenario' }

/** A setting's value as people read it: 10,000 years; a seed is a name and stays as it is. */
export function settingValue(name: string, value: string): string {
  const figure = (text: string) => (/^\d+$/.test(text) ? count(Number(text)) : text)
  if (name === 'years' || name === 'samples') return figure(value)
  if (name === 'return_periods') return value.split(/[, ]+/).map(figure).join(' · ')
  return value || 'none'
}

const changeNames: Record<string, string> = { portfolio: 'Portfolio', version: 'Version of the portfolio', locations: 'Locations', accounts: 'Accounts', tiv: 'Insured value', currency: 'Currency' }

/** What a change is called; of is what it belongs to: Exposure, Model, Settings. */
export function changeName(of: string, name: string): string {
  if (name === 'digest') return `${of}, digest`
  return changeNames[name] ?? settingNames[name] ?? `${of}: ${name}`
}

const counted = new Set(['version', 'locations', 'accounts'])

/** One side of a change. A name that is written in digits, as that of a portfolio or a seed may be, stays as it is. */
export function changeValue(name: string, text: string): string {
  if (name === 'tiv' && text !== '') return money(Number(text))
  if (counted.has(name) && text !== '') return count(Number(text))
  return shortened(settingValue(name, text))
}

// Digests are long; their beginning tells them apart by eye, and the run's page has them whole.
function shortened(text: string): string {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text
}
