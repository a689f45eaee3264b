import { describe, expect, it } from 'vitest'
import { ago, bytes, clock, money, monthDay, parseReturnPeriods, percent, share, short, span, tick, time } from './format'

describe('money', () => {
  it('is whole dollars with separators', () => {
    expect(money(1164920079.4)).toBe('$1,164,920,079')
    expect(money(-12.6)).toBe('−$13')
    expect(money(0)).toBe('$0')
  })
  it('is a dash where there is none', () => {
    expect(money(undefined)).toBe('—')
    expect(money(NaN)).toBe('—')
  })
})

describe('short', () => {
  it.each([[0, '$0'], [950, '$950'], [13_500, '$13.5k'], [700_542_074, '$700.5m'], [1_164_920_079, '$1.16bn'], [2.5e12, '$2.50tn'], [-2_000_000, '−$2.0m']])('%d is %s', (v, text) => expect(short(v)).toBe(text))
  it('takes the unit that it rounds into', () => {
    expect(short(999_960_000)).toBe('$1.00bn')
    expect(short(999_960)).toBe('$1.0m')
    expect(short(994_000_000)).toBe('$994.0m')
  })
  it('is shorter on axes', () => {
    expect(tick(100_000_000)).toBe('$100m')
    expect(tick(3_000_000_000)).toBe('$3bn')
    expect(tick(1_500_000_000)).toBe('$1.5bn')
    expect(tick(0)).toBe('$0')
  })
})

describe('shares', () => {
  it('have a sign where they are differences', () => {
    expect(percent(0.031)).toBe('+3.1%')
    expect(percent(-0.026)).toBe('−2.6%')
    expect(percent(-0.0001)).toBe('0.0%')
    expect(share(0.612)).toBe('61.2%')
    expect(percent(undefined)).toBe('—')
  })
})

describe('times', () => {
  it('are in UTC', () => {
    expect(time('2026-11-21T19:42:10Z')).toBe('21 Nov 2026, 19:42 UTC')
    expect(time('2026-11-21T23:30:00-05:00')).toBe('22 Nov 2026, 04:30 UTC')
    expect(clock('2026-11-21T19:02:03Z')).toBe('19:02:03 UTC')
  })
  it('are a dash where there is none, or Go’s zero time', () => {
    expect(time(undefined)).toBe('—')
    expect(time('0001-01-01T00:00:00Z')).toBe('—')
    expect(time('nonsense')).toBe('—')
  })
  it('say how long ago', () => {
    const now = new Date('2026-11-21T20:00:00Z')
    expect(ago('2026-11-21T19:59:40Z', now)).toBe('just now')
    expect(ago('2026-11-21T19:42:00Z', now)).toBe('18 min ago')
    expect(ago('2026-11-09T19:42:00Z', now)).toBe('12 d ago')
  })
  it('write lengths', () => {
    expect(span(8.2)).toBe('8 s')
    expect(span(125)).toBe('2 min 5 s')
    expect(span(120)).toBe('2 min')
    expect(span(4320)).toBe('1 h 12 min')
    expect(monthDay(9, 13)).toBe('13 Sep')
  })
})

describe('bytes', () => {
  it.each([[0, '0 B'], [812, '812 B'], [14_200, '14.2 kB'], [3_100_000_000, '3.1 GB']])('%d', (n, text) => expect(bytes(n)).toBe(text))
})

describe('return periods as people type them', () => {
  it('takes commas, spaces and semicolons, sorts, and drops doubles', () => {
    expect(parseReturnPeriods('250, 5 10;100\n10')).toEqual({ periods: [5, 10, 100, 250], wrong: [] })
  })
  it('names what is none', () => {
    expect(parseReturnPeriods('1 0 -5 ten 1e9 2.5')).toEqual({ periods: [2.5], wrong: ['1', '0', '-5', 'ten', '1e9'] })
    expect(parseReturnPeriods('')).toEqual({ periods: [], wrong: [] })
  })
})
