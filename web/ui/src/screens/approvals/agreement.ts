// What a quantum report says of its own intervals. It is counted, not computed: each answer says itself whether its interval holds the exact sum.

export interface Report {
  panels?: { confidence?: number; backend?: { name?: string; simulated?: boolean }; answers?: { amplitude_estimate?: { holds_exact?: boolean } }[] }[]
}

export function intervals(report: Report): { all: number; holding: number; backends: string[]; confidence: number | undefined } {
  const panels = report.panels ?? []
  const said = panels.flatMap((p) => p.answers ?? []).map((a) => a.amplitude_estimate?.holds_exact).filter((h) => h !== undefined)
  const backends = [...new Set(panels.map((p) => (p.backend?.simulated ? 'Local simulator' : p.backend?.name ?? 'unknown backend')))]
  const confidences = new Set(panels.map((p) => p.confidence).filter((c) => c !== undefined))
  return { all: said.length, holding: said.filter(Boolean).length, backends, confidence: confidences.size === 1 ? [...confidences][0] : undefined }
}
