// Run params: what a job declares, what the levels fill in, and what a task ends up with (semantics, section 2).

import type { Static } from "typebox";
import { closed, Extension, mapOf, Name, oneOf, ParamName, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const UsageType = oneOf(
  ["ENV", "TEMPLATE", "RUNNER", "SYSTEM"],
  "`ENV` (default): environment variable. `TEMPLATE`: replaces `${NAME}` in the runner spec. `RUNNER`: configures " +
    "the runner. `SYSTEM`: of mflow itself.",
);
export type UsageType = Static<typeof UsageType>;

export const ValueType = oneOf(
  ["TEXT", "NUMBER", "BOOLEAN", "ENUM", "HTTP_ENUM", "K8S_CONFIG_MAP", "K8S_SECRET"],
  "How a value is checked (default `TEXT`). `HTTP_ENUM`, `K8S_CONFIG_MAP` and `K8S_SECRET` tell forms where values " +
    "come from and are checked as text.",
);
export type ValueType = Static<typeof ValueType>;

export const Scalar = Type.Union([Type.String({ maxLength: 65536 }), Type.Number(), Type.Boolean()]);
export type Scalar = Static<typeof Scalar>;

export const EnumOption = Type.Union(
  [
    Type.String({ maxLength: 256 }),
    closed({ value: Type.String({ maxLength: 256 }), label: Type.Optional(Type.String({ maxLength: 256 })) }),
  ],
  { description: "A value, or `{value, label}` with the text that forms show for it." },
);

const describing = {
  displayName: Type.Optional(Type.String({ maxLength: 128, description: "Name for people." })),
  description: Type.Optional(Type.String({ maxLength: 4096, description: "What it is for." })),
};

/** A param that a job declares. */
export const RunParam = closed(
  {
    name: titled("Unique within the job.", ParamName),
    ...describing,
    required: Type.Optional(Type.Boolean({ description: "A run without a value for it is refused." })),
    usageType: Type.Optional(UsageType),
    valueType: Type.Optional(ValueType),
    enumOptions: Type.Optional(
      Type.Array(EnumOption, { maxItems: 256, description: "The values that an ENUM param may have." }),
    ),
    httpEnumConfig: Type.Optional(
      closed(
        {
          url: Type.String({ maxLength: 2048, description: "It answers with a JSON list." }),
          labelKey: Type.Optional(
            Type.String({ maxLength: 128, description: "Key of an item's text for people." }),
          ),
          valueKey: Type.Optional(Type.String({ maxLength: 128, description: "Key of an item's value." })),
        },
        {
          description:
            "Where a form gets the options of an HTTP_ENUM param; the value itself is checked as TEXT.",
        },
      ),
    ),
    value: Type.Optional(titled("The default.", Scalar)),
    example: Type.Optional(Type.String({ maxLength: 4096, description: "A value as people write it." })),
    readOnly: Type.Optional(Type.Boolean({ description: "The value is final: no higher level changes it." })),
    sensitive: Type.Optional(Type.Boolean({ description: "Encrypted at rest, shown as `***`." })),
    searchLabel: Type.Optional(Type.Boolean({ description: "Its value becomes a label of the task." })),
    eventInject: Type.Optional(Type.Boolean({ description: "A trigger may fill it from its event." })),
    deprecated: Type.Optional(Type.Boolean({ description: "`lint` warns where it is filled." })),
    extension: Type.Optional(Extension),
  },
  { description: "A param that a job declares." },
);
export type RunParam = Static<typeof RunParam>;

const StageOrTask = Type.Union([Name, Type.Integer({ minimum: 1 })], {
  description: "A name, or a number from 1.",
});

/** Which stages and tasks a value is for. */
export const ParamScope = Type.Union(
  [Type.Literal("*"), closed({ stage: Type.Optional(StageOrTask), task: Type.Optional(StageOrTask) })],
  { description: "`*`, or a stage and a task by name or number; what is left out matches all." },
);
export type ParamScope = Static<typeof ParamScope>;

/** A value for a declared param, given by a pipeline, a stage, a task or a run request. */
export const ParamValue = closed(
  {
    name: titled("The param that it fills.", ParamName),
    value: titled("An empty one overrides nothing; `***` means that the stored one stays.", Scalar),
    readOnly: Type.Optional(Type.Boolean({ description: "The value is final: no higher level changes it." })),
    sensitive: Type.Optional(
      Type.Boolean({
        description: "Encrypted at rest and shown as `***`, also when the job does not say so.",
      }),
    ),
    scope: Type.Optional(titled("The stages and tasks that it is for (default: all).", ParamScope)),
  },
  { description: "A value for a declared param." },
);
export type ParamValue = Static<typeof ParamValue>;

/** Values as a map `NAME: value`, or as a list when one needs `readOnly` or `scope`. */
export const ParamValues = Type.Union(
  [Type.Array(ParamValue, { maxItems: 512 }), mapOf(ParamName, Scalar, { maxProperties: 512 })],
  {
    description: "Values as a map `NAME: value`, or as a list of `{name, value, readOnly, scope}`.",
  },
);
export type ParamValues = Static<typeof ParamValues>;

/** The list form of values given in either form. */
export function paramValueList(values: ParamValues | undefined): ParamValue[] {
  if (!values) return [];
  if (Array.isArray(values)) return values;
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** Which level set an effective param, lowest precedence first. */
export const SetBy = oneOf(
  ["SYSTEM", "JOB", "LAST_SUCCESS", "PIPELINE", "STAGE", "TASK", "RUN", "RUNTIME_ENV", "MATRIX"],
  "The level that set a value, lowest precedence first.",
);
export type SetBy = Static<typeof SetBy>;

/** A param as a task runs with it. A sensitive value is sealed here and shown as `***` everywhere else. */
export const EffectiveParam = closed(
  {
    name: titled("As the job declares it.", ParamName),
    value: Type.String({ description: "As text; `***` when it is sensitive." }),
    usageType: UsageType,
    valueType: ValueType,
    sensitive: Type.Optional(Type.Boolean({ description: "The job or whoever gave the value says so." })),
    setBy: SetBy,
  },
  { description: "A param as a task runs with it." },
);
export type EffectiveParam = Static<typeof EffectiveParam>;
