import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import {
  type AccessDeps,
  Allow,
  CurrentPrincipal,
  login,
  logout,
  Public,
  readMe,
  refreshLogin,
  signup,
  type UserPrincipal,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { Login, Me, RefreshLogin, Signup, TokenPair } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('auth')
@Controller('v1')
export class AuthController {
  readonly #deps: AccessDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Post('auth/signup')
  @Public()
  @Answers(201, TokenPair, 'Make an account and its first organisation')
  signup(@Body({ schema: Signup }) body: Signup): Promise<TokenPair> {
    return signup(body, this.#deps);
  }

  @Post('auth/login')
  @Public()
  @Answers(200, TokenPair, 'Log in with e-mail address and password')
  login(@Body({ schema: Login }) body: Login): Promise<TokenPair> {
    return login(body, this.#deps);
  }

  @Post('auth/refresh')
  @Public()
  @Answers(200, TokenPair, 'Trade a refresh token for a new pair; each works once')
  refresh(@Body({ schema: RefreshLogin }) body: RefreshLogin): Promise<TokenPair> {
    return refreshLogin(body.refreshToken, this.#deps);
  }

  @Post('auth/logout')
  @Public()
  @Answers(204, undefined, 'End the login that a refresh token belongs to')
  logout(@Body({ schema: RefreshLogin }) body: RefreshLogin): Promise<void> {
    return logout(body.refreshToken, this.#deps);
  }

  @Get('me')
  @Allow('person')
  @Answers(200, Me, 'Who am I, and where do I belong')
  me(@CurrentPrincipal() principal: UserPrincipal): Promise<Me> {
    return readMe(this.#deps.db, principal);
  }
}
