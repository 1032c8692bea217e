"use strict";
(function () {
  // The secret that is shown once, into the clipboard where the browser allows it.
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-copy]");
    if (!button) {
      return;
    }
    const text = document.querySelector(button.dataset.copy).textContent;
    copy(text).then(function () {
      button.textContent = "已复制";
    }, function () {
      button.textContent = "请手工选中复制";
    });
  });

  function copy(text) {
    return navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject();
  }

  // What was typed and not saved is asked about before the page is left.
  let unsaved = false;
  document.addEventListener("input", function (event) {
    unsaved = unsaved || Boolean(event.target.closest("#field-form, .document-text"));
  });
  document.addEventListener("submit", function () {
    unsaved = false;
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    unsaved = unsaved && event.detail.target.id !== "editor";
  });
  window.addEventListener("beforeunload", function (event) {
    if (unsaved) {
      event.preventDefault();
    }
  });
})();
