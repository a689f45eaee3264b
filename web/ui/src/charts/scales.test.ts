import { describe, expect, it } from 'vitest'
import { classOf, curvePeriods, differenceBreaks, halfDecades, lossScale, nearest, periodScale, periodTicks, pieces } from './scales'

describe('return periods of a curve', () => {
  it('reach from 2 to the simulated years and have those of the table', () => {
    const all = curvePeriods(10_000, [33, 100, 250])
    expect(all[0]).toBe(2)
    expect(all.at(-1)).toBe(10_000)
    for (const p of [33, 100, 250]) expect(all).toContain(p)
    expect(all.length).toBeLessThanOrEqual(100)
    expect([...all].sort((a, b) => a - b)).toEqual(all)
    expect(new Set(all).size).toBe(all.length)
  })
  it('leave out what no simulated year reaches', () => {
    expect(curvePeriods(50, [100, 20])).not.toContain(100)
    expect(curvePeriods(1, [5])).toEqual([])
  })
  it('never ask for more than the API takes', () => {
    expect(curvePeriods(100_000, Array.from({ length: 120 }, (_, i) => i + 2)).length).toBe(100)
  })
})

describe('ticks', () => {
  it('are what people read return periods by', () => {
    expect(periodTicks(1000, false)).toEqual([2, 5, 10, 25, 50, 100, 250, 500, 1000])
    expect(periodTicks(1000, true)).toEqual([2, 10, 100, 1000])
  })
})

describe('the axis of losses', () => {
  it('has whole decades, and three of them at most below the largest loss', () => {
    const s = lossScale('log', [3_000, 15e6, 700e6, 1.2e9], 300)!
    expect(s.ticks).toEqual([1e6, 1e7, 1e8, 1e9])
    expect(s.least).toBe(1e6)
    expect(s.y(1e6)).toBeCloseTo(300)
    expect(s.y(1e5)).toBeGreaterThan(300) // below the axis, where it is clipped
  })
  it('begins at zero where it is linear', () => {
    const s = lossScale('linear', [3_000, 1.2e9], 300)!
    expect(s.y(0)).toBe(300)
    expect(s.ticks[0]).toBe(0)
  })
  it('is none where nothing is lost', () => {
    expect(lossScale('log', [0, 0, undefined], 300)).toBeUndefined()
    expect(lossScale('linear', [], 300)).toBeUndefined()
  })
  it('shows a single loss', () => expect(lossScale('log', [5e6], 300)!.y(5e6)).toBeGreaterThanOrEqual(0))
})

describe('the axis of return periods', () => {
  it('goes there and back', () => {
    const s = periodScale(2, 5000, 500)
    expect(s.x(2)).toBe(0)
    expect(s.x(5000)).toBe(500)
    expect(s.at(s.x(250))).toBeCloseTo(250)
  })
  it('finds the nearest in the logarithm', () => {
    expect(nearest([2, 10, 100, 1000], 30)).toBe(1)
    expect(nearest([2, 10, 100, 1000], 33)).toBe(2)
  })
})

describe('pieces of a line', () => {
  it('leave gaps as gaps', () => {
    expect(pieces([1, 2, NaN, 3], (v) => !Number.isNaN(v))).toEqual([[1, 2], [3]])
    expect(pieces([], () => true)).toEqual([])
  })
})

describe('classes of a map', () => {
  it('are half decades below the largest value', () => {
    expect(halfDecades([20_267_150, 4_000])).toEqual([1e5, 3e5, 1e6, 3e6, 1e7])
    expect(halfDecades([2_900_000])).toEqual([1e4, 3e4, 1e5, 3e5, 1e6])
    expect(halfDecades([1e7])).toEqual([1e5, 3e5, 1e6, 3e6, 1e7])
    expect(halfDecades([0])).toEqual([])
  })
  it('hold values from their break up', () => {
    const breaks = [1, 3, 10]
    expect([0.5, 1, 2.9, 3, 10, 99].map((v) => classOf(v, breaks))).toEqual([0, 1, 1, 2, 3, 3])
  })
  it('have one for what hardly differs', () => {
    expect(classOf(0, differenceBreaks)).toBe(3)
    expect(classOf(-0.3, differenceBreaks)).toBe(0)
    expect(classOf(0.3, differenceBreaks)).toBe(6)
  })
})
