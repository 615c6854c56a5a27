// What people are told who pressed a button or followed a link, in their language. English is the sentence of the refusal
// itself, which names what it is about; what is not translated is told in English.

import type { ErrorCode, MflowError } from "@mflow/core/errors";
import type { Language } from "@mflow/core/schema/listener";

const REFUSALS_ZH: Partial<Record<ErrorCode, string>> = {
  CALLBACK_REFUSED: "mflow 不认识这张卡片，未做任何更改。",
  NOT_LISTED: "您不在可以决定的人员名单中。",
  SELF_DECISION: "运行的发起人不能对其进行审批，请让名单中的其他人决定。",
  GATE_NOT_OPEN: "此审批已不在等待决定。",
  ALREADY_DECIDED: "您已经做过决定，每人只能决定一次。",
  CONTENT_CHANGED: "内容已变更，请查看新的卡片后再决定。",
  LINK_USED: "此卡片或链接已用于一次决定，只能使用一次。",
  COMMENT_REQUIRED: "拒绝时请填写原因。",
  UNAUTHORIZED: "令牌无效。",
  FORBIDDEN: "您没有权限查看此任务。",
  NOT_FOUND: "该任务已不存在。",
  BAD_REQUEST: "内容无效，未做任何更改。",
  STALE_REVISION: "任务刚刚发生变化，请再试一次。",
  UNAVAILABLE: "服务器正在启动或停止，请稍后再试。",
  STORE_BUSY: "服务器繁忙，请稍后再试。",
};

/** Why it was refused, as a sentence. */
export function refusalSentence({ code, message }: MflowError, language: Language): string {
  const translated = language === "zh" ? REFUSALS_ZH[code] : undefined;
  if (translated !== undefined) return translated;
  // It may begin with a name, so its first letter stays as it is.
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** The platform's id leads to nobody. */
export function strangerSentence(channel: string, ids: readonly string[], language: Language): string {
  const [id = "?"] = ids;
  const command = `mflow user address NAME ${channel} ${id}`;
  if (language === "zh") return `mflow 不知道您是谁（${id}）。请管理员执行：${command}`;
  return `mflow does not know who you are (${id}). Ask an admin to run: ${command}`;
}

const DONE: Readonly<Record<Language, Readonly<Record<"PASS" | "DENY", (task: string) => string>>>> = {
  en: { PASS: (task) => `You passed ${task}.`, DENY: (task) => `You denied ${task}.` },
  zh: { PASS: (task) => `您已通过 ${task}。`, DENY: (task) => `您已拒绝 ${task}。` },
};

export function doneSentence(verdict: "PASS" | "DENY", task: string, language: Language): string {
  return DONE[language][verdict](task);
}
