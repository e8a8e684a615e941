import { text } from "../../../shared/env.ts";
import { coordinatorSettings } from "../../config.ts";

/**
 * The environment of `watchpost start`: the coordinator's, of which it makes up
 * what is missing, and where everything is kept.
 */
export const startSettings = {
  ...coordinatorSettings,
  dataDir: text({
    variable: "WATCHPOST_DATA",
    form: "a directory",
    fallback: "./.watchpost",
    about: "Where `watchpost start` keeps everything.",
  }),
};
