// Why every loss of a run is zero, said from what the API knows of the run and of its portfolio. Nothing is guessed: what is not known is not said.
import type { Schemas } from '../../api/client'
import { count, money } from '../../format'

export interface ZeroFacts {
  perspective: 'gross' | 'ground_up'
  years: number
  whole: boolean // the portfolio, not a part of it
  tiv: number // insured value that took part in the run: of locations that are insured against wind
  groundUp: Schemas['AnnualLosses']
  storms?: number | undefined // with a ground-up loss
  portfolio?: { locations: number; notWind: number } | undefined // where it still is what the run was of
}

export interface Why { reason: string; then: string; look: 'ground-up' | 'portfolio' | 'years' } // look: where whoever reads it goes on

/** Whether nothing was lost in any simulated year. Of ZIPs and accounts there is no largest year, and the mean says it. */
export function isZero(a: Schemas['AnnualLosses'] | undefined): boolean {
  return a !== undefined && a.aal === 0 && (a.largest_year ?? 0) === 0
}

/** The reason, and what to do where something is to be done. */
export function whyZero(f: ZeroFacts): Why {
  const it = f.whole ? 'this portfolio' : 'this part of the portfolio'
  if (f.tiv === 0) return { ...withoutValue(f, it), look: 'portfolio' }
  if (f.perspective === 'gross' && !isZero(f.groundUp)) {
    const storms = f.storms === undefined ? 'Storms damage it' : `${count(f.storms)} ${f.storms === 1 ? 'storm damages' : 'storms damage'} it in ${inYears(f.years)}`
    const largest = f.groundUp.largest_year === undefined ? '' : `, and ${money(f.groundUp.largest_year)} in the largest year`
    return { reason: `${storms}: ${money(f.groundUp.aal)} a year on average before any terms${largest}. The terms of its policies (deductibles, limits, attachments, perils) leave none of that to the insurer.`, then: 'If that is not meant, look at the terms of the account and location files.', look: 'ground-up' }
  }
  const aside = f.whole && f.portfolio && f.portfolio.notWind > 0 ? ` ${count(f.portfolio.notWind)} of its ${locations(f.portfolio.locations)} are not insured against wind and take no part.` : ''
  return { reason: `No storm in ${inYears(f.years)} damages ${it}.${aside}`, then: `What is rarer than 1 in ${inYears(f.years)} is not in this run: one of more years has more storms.`, look: 'years' }
}

function withoutValue(f: ZeroFacts, it: string): Omit<Why, 'look'> {
  const p = f.whole ? f.portfolio : undefined
  const cover = 'Where wind is insured, LocPerilsCovered of the location file has WTC, or a group of perils that holds it.'
  if (p && p.locations > 0 && p.notWind === p.locations) return { reason: `None of the ${locations(p.locations)} of ${it} is insured against wind, and the model gives such a location no loss.`, then: cover }
  if (p && p.notWind === 0) return { reason: `The ${locations(p.locations)} of ${it} have no insured value.`, then: 'If that is not meant, look at the TIV columns of the location file.' }
  if (p) return { reason: `Of the ${locations(p.locations)} of ${it} ${count(p.notWind)} are not insured against wind, and the others have no insured value.`, then: cover }
  return { reason: `No insured value of ${it} takes part: it has none, or none that is insured against wind.`, then: cover }
}

function locations(n: number): string {
  return n === 1 ? '1 location' : `${count(n)} locations`
}

function inYears(n: number): string {
  return n === 1 ? '1 simulated year' : `${count(n)} simulated years`
}
