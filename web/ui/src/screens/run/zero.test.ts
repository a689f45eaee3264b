import { describe, expect, it } from 'vitest'
import { isZero, whyZero, type ZeroFacts } from './zero'

const nothing = { aal: 0, aal_standard_error: 0, sd: 0, largest_year: 0 }
const facts = (of: Partial<ZeroFacts>): ZeroFacts => ({ perspective: 'gross', years: 200, whole: true, tiv: 1_500_000, groundUp: nothing, storms: 0, portfolio: { locations: 5, notWind: 0 }, ...of })

describe('why every loss is zero', () => {
  it('is that wind is not insured, or that there is no value', () => {
    expect(whyZero(facts({ tiv: 0, portfolio: { locations: 5, notWind: 5 } })).reason).toBe('None of the 5 locations of this portfolio is insured against wind, and the model gives such a location no loss.')
    expect(whyZero(facts({ tiv: 0 })).reason).toBe('The 5 locations of this portfolio have no insured value.')
    expect(whyZero(facts({ tiv: 0, portfolio: { locations: 5, notWind: 2 } })).reason).toContain('2 are not insured against wind, and the others have no insured value')
    expect(whyZero(facts({ tiv: 0, whole: false })).reason).toBe('No insured value of this part of the portfolio takes part: it has none, or none that is insured against wind.')
    expect(whyZero(facts({ tiv: 0, portfolio: undefined })).reason).toContain('it has none, or none that is insured against wind')
  })
  it('is in the terms where there are ground-up losses, and only then', () => {
    const groundUp = { aal: 3498.08, aal_standard_error: 931, sd: 17168, largest_year: 343897.7 }
    expect(whyZero(facts({ groundUp, storms: 45 }))).toEqual({
      reason: '45 storms damage it in 200 simulated years: $3,498 a year on average before any terms, and $343,898 in the largest year. The terms of its policies (deductibles, limits, attachments, perils) leave none of that to the insurer.',
      then: 'If that is not meant, look at the terms of the account and location files.', look: 'ground-up',
    })
    expect(whyZero(facts({ groundUp: { aal: 12, aal_standard_error: 1, sd: 3 }, storms: undefined })).reason).toMatch(/^Storms damage it: \$12 a year on average before any terms\. The terms/)
    expect(whyZero(facts({})).look).toBe('years')
  })
  it('is else that no storm came, which more years may bring', () => {
    const why = whyZero(facts({ years: 1, portfolio: { locations: 5, notWind: 2 } }))
    expect(why.reason).toBe('No storm in 1 simulated year damages this portfolio. 2 of its 5 locations are not insured against wind and take no part.')
    expect(why.then).toContain('rarer than 1 in 1 simulated year')
    expect(whyZero(facts({ perspective: 'ground_up', whole: false })).reason).toBe('No storm in 200 simulated years damages this part of the portfolio.')
  })
  it('is asked of what is zero only', () => {
    expect(isZero(nothing)).toBe(true)
    expect(isZero({ aal: 0, aal_standard_error: 0, sd: 0 })).toBe(true)
    expect(isZero({ ...nothing, largest_year: 3 })).toBe(false)
    expect(isZero(undefined)).toBe(false)
  })
})
