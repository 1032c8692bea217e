"use strict";
(function () {
  document.documentElement.classList.add("js");

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-print]");
    if (button) {
      window.print();
    }
  });

  // Details that are closed on screen belong on paper all the same.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("#clock details").forEach(function (details) {
      details.open = true;
    });
  });

  // Filters without a value stay out of the address.
  document.addEventListener("htmx:configRequest", function (event) {
    const parameters = event.detail.parameters;
    Object.keys(parameters).forEach(function (name) {
      if (parameters[name] === "") {
        delete parameters[name];
      }
    });
    if (parameters.limit === "20") {
      delete parameters.limit;
    }
  });

  document.addEventListener("htmx:afterSwap", function (event) {
    const announce = document.getElementById("announce");
    const told = document.querySelector("[data-announce]");
    if (told) {
      announce.textContent = told.dataset.announce;
      return;
    }
    if (event.detail.target.id !== "results") {
      return;
    }
    const rows = document.querySelectorAll("#results tbody tr").length;
    announce.textContent = rows ? "列表已更新，本页 " + rows + " 条" : "列表已更新，没有符合条件的记录";
  });

  // Without an answer in place, the plain way still works.
  document.addEventListener("htmx:responseError", reload);
  document.addEventListener("htmx:sendError", reload);

  function reload(event) {
    const form = event.target.closest("[data-quiet]") ? null : event.target.closest("form");
    if (form && event.detail.xhr.status !== 401) {
      form.submit();
    }
  }
})();
