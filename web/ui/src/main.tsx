import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Route, Switch } from 'wouter'
import { queries } from './api/queries'
import { Frame, Head } from './parts/frame'
import { screens } from './routes'
import { apply } from './settings'
import './style/tokens.css'
import './style/base.css'
import './style/parts.css'

apply()
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Frame>
        <Switch>
          {screens.map((s) => <Route key={s.path} path={s.path} component={s.screen} />)}
          <Route><div className="screen"><Head title="Not found" /><p>There is nothing at this address. It may belong to another tenant, or be mistyped.</p></div></Route>
        </Switch>
      </Frame>
    </QueryClientProvider>
  </StrictMode>,
)
