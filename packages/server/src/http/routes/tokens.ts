// Tokens of the API: everybody has their own, and admins see to those of others.

import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import {
  CreatedToken,
  CreateTokenRequest,
  type TokenBody,
  TokenPage,
  TokenQuery,
} from "@mflow/core/schema/account";
import type { NewToken } from "../../auth/accounts.ts";
import type { ApiToken } from "../../store/store.ts";
import { type Caller, demand, may } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

function tokenBody({ hash: _hash, ...token }: ApiToken): TokenBody {
  return token;
}

/** A token that was just made: only now does anybody see its secret. */
export function createdToken({ token, secret }: NewToken): CreatedToken {
  return { ...tokenBody(token), token: secret };
}

const isAdmin = (caller: Caller) => may(caller, "admin", { domain: "*", namespace: "*" });

export function tokenRoutes({ accounts }: Services): Route[] {
  const tag = "Tokens";
  /** Everybody manages their own tokens; those of others need admin everywhere. */
  function demandOwn(caller: Caller, user: string): void {
    if (caller.local || user !== caller.name) demand(caller, "admin");
  }
  return [
    route({
      method: "GET",
      path: "/tokens",
      id: "listTokens",
      tag,
      summary: "List your tokens, or those of a user",
      access: "caller",
      query: TokenQuery,
      successes: { 200: { description: "The tokens, without what makes them valid.", schema: TokenPage } },
      errors: [],
      async handle({ query }, caller) {
        const { user = caller.name } = query;
        demandOwn(caller, user);
        return { body: { items: accounts.tokens(user).map(tokenBody) } };
      },
    }),
    route({
      method: "POST",
      path: "/tokens",
      id: "createToken",
      tag,
      summary: "Make a token for yourself or a user",
      description: "The token itself is in this answer alone. For another user it needs admin everywhere.",
      access: "caller",
      body: CreateTokenRequest,
      successes: { 201: { description: "The token.", schema: CreatedToken } },
      errors: ["NOT_FOUND"],
      async handle({ body }, caller) {
        const { user = caller.name, name, expiresIn } = body;
        demandOwn(caller, user);
        if (accounts.isLocal) {
          const message = "There are no users yet, so nobody a token could be for; add a user first.";
          throw new MflowError("BAD_REQUEST", message);
        }
        const expiresInMs = expiresIn === undefined ? undefined : parseDuration(expiresIn);
        return { status: 201, body: createdToken(await accounts.createToken(user, name, expiresInMs)) };
      },
    }),
    route({
      method: "DELETE",
      path: "/tokens/:id",
      id: "deleteToken",
      tag,
      summary: "Revoke a token",
      description: "It no longer serves from this moment on. Another user's needs admin everywhere.",
      access: "caller",
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        const { id = "" } = params;
        const token = accounts.tokens().find((one) => one.id === id);
        if (!token || (token.user !== caller.name && !isAdmin(caller))) {
          throw new MflowError("NOT_FOUND", `There is no token \`${id}\`.`);
        }
        await accounts.removeToken(id);
        return {};
      },
    }),
  ];
}
