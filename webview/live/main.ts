// Entry of the live panel's page: registers its elements. The host's HTML holds <traceway-live>.
import "./filterField.ts";
import "./grid.ts";
import "./page.ts";
