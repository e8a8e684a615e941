import { createApi } from "./api.ts";
import { connectLive } from "./live.ts";
import { showPages } from "./pages.ts";
import { session, takeTokenFromAddress } from "./session.ts";
import { showSignIn } from "./sign-in.ts";
import { createPageClock, keepAges } from "./times.ts";

const root = document.getElementById("app") as HTMLElement;
const clock = createPageClock();
keepAges(clock);

let close = () => {};

function open(): void {
  close();
  const token = session.token();
  if (token === null) askForToken(null);
  else {
    close = showPages({
      root,
      clock,
      api: createApi(token, clock),
      connectLive: (onEvent) => connectLive(token, onEvent),
      onSignedOut: askForToken,
    });
  }
}

function askForToken(reason: string | null): void {
  session.forget();
  close = () => {};
  showSignIn({
    root,
    reason,
    connect: (token) => createApi(token, clock),
    onSignedIn(token) {
      session.keep(token);
      open();
    },
  });
}

function takeToken(): boolean {
  const token = takeTokenFromAddress();
  if (token !== null) session.keep(token);
  return token !== null;
}

takeToken();
open();
// A link with a token that is opened in a tab where the page already runs.
addEventListener("hashchange", () => {
  if (takeToken()) open();
});
