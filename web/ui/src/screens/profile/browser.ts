// What a User-Agent says, in the words that a person has for it.

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\/(\d+)/, 'Edge'], [/\bOPR\/(\d+)/, 'Opera'], [/\bFirefox\/(\d+)/, 'Firefox'], [/\bFxiOS\/(\d+)/, 'Firefox'],
  [/\b(?:Headless)?Chrome\/(\d+)/, 'Chrome'], [/\bCriOS\/(\d+)/, 'Chrome'], [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad|iPod)\b/, 'iOS'], [/\bAndroid\b/, 'Android'], [/\bWindows\b/, 'Windows'], [/\b(?:Macintosh|Mac OS X)\b/, 'macOS'], [/\bCrOS\b/, 'ChromeOS'], [/\bLinux\b/, 'Linux'],
]

/** "Firefox 140 on Linux"; of programs the first word, as in "curl/7.88.1"; "unknown" where nothing was said. */
export function browserOf(agent: string | undefined): string {
  if (!agent) return 'unknown'
  for (const [pattern, name] of browsers) {
    const found = pattern.exec(agent)
    if (!found) continue
    const system = systems.find(([p]) => p.test(agent))?.[1]
    return `${name} ${found[1]}${system ? ` on ${system}` : ''}`
  }
  return agent.split(' ')[0]!.slice(0, 60)
}
