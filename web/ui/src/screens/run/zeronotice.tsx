import { Link } from 'wouter'
import type { Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { Notice } from '../../parts/states'
import { portfolioAt, runAgainAt, useUrlChoice } from '../../url'
import { perspectives } from './figures'
import { whyZero } from './zero'

type Run = Schemas['Run']

/** Explains a zero: a result of nothing but zeros looks like a fault until it is said why. */
export function ZeroNotice({ run, of, perspective }: { run: Run; of: Schemas['SummaryMetrics']; perspective: (typeof perspectives)[number] }) {
  const [, setPerspective] = useUrlChoice('persp', perspectives)
  const may = useMay()
  const { id } = of.summary
  const storms = useGet('/api/v1/runs/{id}/events', { path: { id: run.id }, query: { summary: id, perspective: 'ground_up', limit: 1 } }, { staleTime: Infinity, retry: false })
  const portfolio = usePortfolioOf(run)
  if (storms.isLoading || !portfolio.known) return null
  const why = whyZero({ perspective, years: run.spec.years, whole: id === 1, tiv: of.summary.tiv, groundUp: of.ground_up, storms: storms.data?.total, portfolio: portfolio.facts })
  return (
    <Notice><strong>Every simulated loss is zero.</strong> {why.reason}
      <p>{why.then}{' '}
        {why.look === 'ground-up' ? <button type="button" className="link" onClick={() => setPerspective('ground_up')}>Show the ground-up losses</button>
          : why.look === 'portfolio' ? <Link href={portfolioAt(run.portfolio, run.portfolio_version)}>Open the portfolio</Link>
          : may('run.submit') ? <Link href={runAgainAt(run)}>New run of more years</Link> : null}</p>
    </Notice>
  )
}

/** What the portfolio says of itself, where it is still the one that the run was of. */
function usePortfolioOf(run: Run): { facts: { locations: number; notWind: number } | undefined; known: boolean } {
  const may = useMay()('portfolio.read')
  const at = { path: { id: run.portfolio }, query: { version: run.portfolio_version } } as const
  const now = useGet('/api/v1/portfolios/{id}', at, { enabled: may, retry: false })
  const summary = useGet('/api/v1/portfolios/{id}/summary', at, { enabled: may, retry: false })
  const same = now.data?.digest === run.portfolio_digest && summary.data && !summary.data.uncounted
  return { facts: same ? { locations: summary.data.locations, notWind: summary.data.not_wind } : undefined, known: !now.isLoading && !summary.isLoading }
}
