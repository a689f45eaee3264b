// How figures, times and names are written. Full figures in tables, short ones on charts and tiles; times in UTC.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** Money to the dollar: $1,164,920,079. */
export function money(usd: number | undefined): string {
  if (usd === undefined || !Number.isFinite(usd)) return '—'
  return usd < 0 ? `−$${whole.format(-usd)}` : `$${whole.format(usd)}`
}

/** A difference in money, with its sign: +$121,223. */
export function moneyMore(usd: number | undefined): string {
  return usd !== undefined && usd > 0 && Math.round(usd) !== 0 ? `+${money(usd)}` : money(usd)
}

/** Money for charts and tiles, to three or four digits: $1.16bn, $700.5m, $13.5k. */
export function short(usd: number | undefined): string {
  if (usd === undefined || !Number.isFinite(usd)) return '—'
  const sign = usd < 0 ? '−' : ''
  const v = Math.abs(usd)
  // A figure that rounds up to the next unit is written in it: 999.96m is 1.00bn.
  for (const [unit, name, digits] of [[1e12, 'tn', 2], [1e9, 'bn', 2], [1e6, 'm', 1], [1e3, 'k', 1]] as const) {
    const smallest = unit * (1 - 0.5 / 1000 / 10 ** (name === 'bn' || name === 'tn' ? 1 : 0))
    if (v >= smallest) return `${sign}$${(v / unit).toFixed(digits)}${name}`
  }
  return `${sign}$${whole.format(v)}`
}

/** Money as short, without needless zeros: for axes and class breaks. */
export function tick(usd: number): string {
  return short(usd).replace(/\.0+(?=[a-z])/, '').replace(/(\.\d*?)0+(?=[a-z])/, '$1')
}

export function count(n: number | undefined): string {
  return n === undefined || !Number.isFinite(n) ? '—' : whole.format(n)
}

/** A share with sign, from a fraction: +3.1%. */
export function percent(fraction: number | undefined, digits = 1): string {
  if (fraction === undefined || !Number.isFinite(fraction)) return '—'
  const text = (Math.abs(fraction) * 100).toFixed(digits)
  if (Number(text) === 0) return `${text}%`
  return `${fraction < 0 ? '−' : '+'}${text}%`
}

/** A share without sign: 61.2%. */
export function share(fraction: number | undefined, digits = 1): string {
  return fraction === undefined || !Number.isFinite(fraction) ? '—' : `${(fraction * 100).toFixed(digits)}%`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number) => String(n).padStart(2, '0')

/** 21 Nov 2026, 19:42 UTC */
export function time(at: string | Date | undefined): string {
  const t = parsed(at)
  return t ? `${date(t)}, ${two(t.getUTCHours())}:${two(t.getUTCMinutes())} UTC` : '—'
}

/** A day without a year, of a simulated storm: 13 Sep. */
export function monthDay(month: number, day: number): string {
  return `${day} ${months[month - 1] ?? month}`
}

/** 21 Nov 2026, of UTC. */
export function date(at: string | Date | undefined): string {
  const t = parsed(at)
  return t ? `${t.getUTCDate()} ${months[t.getUTCMonth()]} ${t.getUTCFullYear()}` : '—'
}

/** 19:42:10 UTC */
export function clock(at: string | Date | undefined): string {
  const t = parsed(at)
  return t ? `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())} UTC` : '—'
}

/** The same moment where the reader is, for titles. */
export function local(at: string | Date | undefined): string {
  const t = parsed(at)
  return t ? `${t.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })} (your time)` : ''
}

/** How long ago: just now, 2 min ago, 3 h ago, 12 d ago. */
export function ago(at: string | Date | undefined, now = new Date()): string {
  const t = parsed(at)
  if (!t) return '—'
  const seconds = (now.getTime() - t.getTime()) / 1000
  if (seconds < 60) return 'just now'
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

function parsed(at: string | Date | undefined): Date | undefined {
  if (!at) return undefined
  const t = at instanceof Date ? at : new Date(at)
  return Number.isNaN(t.getTime()) || t.getTime() <= 0 ? undefined : t
}

/** A length of time: 8 s, 2 min 5 s, 1 h 12 min. */
export function span(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '—'
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`
  const m = Math.floor((s % 3600) / 60)
  return m ? `${Math.floor(s / 3600)} h ${m} min` : `${Math.floor(s / 3600)} h`
}

/** A number of bytes: 812 B, 14.2 kB, 3.1 GB. */
export function bytes(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return '—'
  if (n < 1000) return `${n} B`
  for (const [unit, name] of [[1e12, 'TB'], [1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']] as const) if (n >= unit) return `${(n / unit).toFixed(1)} ${name}`
  return `${n} B`
}

/** The beginning of an id or digest, enough to tell by eye. */
export function brief(id: string | undefined, length = 8): string {
  return id ? id.slice(0, length) : '—'
}

/** Reads return periods as a person types them: "5, 10 25;100". Those that are none are named. */
export function parseReturnPeriods(text: string): { periods: number[]; wrong: string[] } {
  const periods = new Set<number>()
  const wrong: string[] = []
  for (const word of text.split(/[\s,;]+/).filter(Boolean)) {
    const n = Number(word)
    if (Number.isFinite(n) && n > 1 && n <= 1_000_000) periods.add(n)
    else wrong.push(word)
  }
  return { periods: [...periods].sort((a, b) => a - b), wrong }
}
